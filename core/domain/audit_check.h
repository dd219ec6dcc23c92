/* audit_check.h - whether a file of rows and proofs (audit_file.h) is what was signed.
 *
 * Read in one pass, block by block, with memory for one line and a frontier.
 * Checking stops at the first fault and says which row it is; a row that was changed
 * together with its hash is found by the next checkpoint, which names the rows since
 * the one before.
 *
 * Threads: pure.  Memory: a check owns what it gathers, until audit_check_clear. */
#ifndef DOMAIN_AUDIT_CHECK_H
#define DOMAIN_AUDIT_CHECK_H

#include "domain/checkpoint.h"

enum { AUDIT_FAULT_MAX = 240, AUDIT_KEYS_MAX = 64, AUDIT_LINE_BYTES_MAX = 4096 };

struct audit_check {
	/* set before the first byte */
	/* trusted, the oldest first: one that another followed signs nothing behind it. None: the
	 * file's own are taken */
	struct checkpoint_key keys[AUDIT_KEYS_MAX];
	size_t keys_n;
	const struct checkpoint *outside; /* must be met; its signature was checked. NULL = none */
	struct buf *leaves;		  /* gets all leaf hashes; NULL = not wanted */
	uint64_t wanted;		  /* the row whose line is kept in row */
	struct buf *row;		  /* NULL = not wanted */
	/* what was found */
	bool faulty;
	uint64_t fault_at; /* the first bad row's position, or the first of those that may be it */
	char fault[AUDIT_FAULT_MAX];
	uint64_t first;
	struct merkle_frontier tree;
	uint64_t checkpoints, signed_size;
	int64_t signed_ms;
	struct buf note; /* the last checkpoint that held */
	bool own_keys;	 /* the keys came from the file: they prove nothing by themselves */
	/* its own */
	struct buf line, gathering; /* a line cut by a block's end; the note being read */
	bool began, ended, met;
	size_t peaks;
	size_t signed_by; /* the newest key that was met */
	char log[CHECKPOINT_NAME_MAX];
};

void audit_check_init(struct audit_check *c);
void audit_check_clear(struct audit_check *c);
/* Another file begins: it goes on where the last one ended. */
void audit_check_file(struct audit_check *c);
/* The next bytes; they are changed. False once there is a fault: no more is needed. */
bool audit_check_feed(struct audit_check *c, char *bytes, size_t len);
/* After each file's last byte: is it whole?  False: there is a fault. */
bool audit_check_end(struct audit_check *c);
/* After all files: was the checkpoint from outside met? */
bool audit_check_met(struct audit_check *c);

#endif
