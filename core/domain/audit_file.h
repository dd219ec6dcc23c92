/* audit_file.h - rows and their proofs in one file that needs nothing else to be checked.
 *
 * Text, line by line, written in one pass and read in one, with memory for one line
 * and a frontier:
 *
 *   @audit 1                            what this is
 *   @log longhaul.audit                 whose
 *   @key NAME+ID+BASE64                 a public key that signed, one line each
 *   @first 2000                         position of the first row
 *   @peak BASE64                        the tree's frontier before it, the largest first
 *   @columns at<TAB>tenant<TAB>...      of a row
 *   # longhaul.audit                    a checkpoint (checkpoint.h), each line behind "# ";
 *   # 2000                              it stands behind the last row that it counts
 *   2000<TAB>BASE64<TAB>row             position, leaf hash, the row as it was hashed
 *   @end 3000                           the file is whole; rows before it
 *
 * The leaf hash was made when the row got its place. Where the record has no such row
 * any more its line ends behind the hash; a row that has no place has "-" for a hash.
 * Checking stops at the first fault and says which row it is; a row that was changed
 * together with its hash is found by the next checkpoint, which names the rows since
 * the one before.
 *
 * Threads: pure.  Memory: buffers of the caller; a checker owns what it gathers. */
#ifndef DOMAIN_AUDIT_FILE_H
#define DOMAIN_AUDIT_FILE_H

#include "domain/audit_line.h"
#include "domain/checkpoint.h"

/* ---- writing: each appends its lines; ERR_NOMEM, ERR_TOO_LARGE of out ---- */

struct audit_file_head {
	const char *log;
	const struct merkle_frontier *before; /* the tree before the first row */
	const char *const *keys;	      /* as checkpoint_key_format writes them */
	size_t keys_n;
};
MUST_CHECK enum err audit_file_head(const struct audit_file_head *head, struct buf *out);
/* Rows that got their places together. There are more or fewer rows than hashes when somebody was
 * at the record: they are told as they are. */
struct audit_page {
	uint64_t position; /* of the first */
	const struct merkle_hash *leaves;
	size_t leaves_n;
	const struct audit_row *rows;
	size_t rows_n;
	const char *note; /* the checkpoint behind the last; "" = none */
};
MUST_CHECK enum err audit_file_page(const struct audit_page *page, struct buf *out);
MUST_CHECK enum err audit_file_note(const char *note, struct buf *out);
MUST_CHECK enum err audit_file_end(uint64_t size, struct buf *out);

/* ---- checking ---- */

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
