/* audit_tree.h - the leader's part of the audit: rows get their places in the tree.
 *
 * The order of rows is (transaction, row). audit_take hands out what follows the last
 * place, but only rows whose transaction is older than every one still under way:
 * nothing can come before them any more. The leader hashes them (audit_line.h,
 * merkle.h) and appends one row to audit_batch: first position, leaves, the tree's
 * frontier; with it, when it is time, a signed checkpoint. The term guards that, and
 * so does the position: two leaders that think they lead cannot both append.
 *
 * A row with a time a day before the last batch's is not looked for, so that days long
 * past cost nothing: no transaction of ours lives so long. Only the rows of the tree's
 * first transaction may be of any time: they were there when the tree was planted.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it; arguments are
 * copied. */
#ifndef STORES_AUDIT_TREE_H
#define STORES_AUDIT_TREE_H

#include "domain/audit_line.h"
#include "domain/merkle.h"
#include "stores/term.h"

/* Behind which row of the order. */
struct audit_place {
	int64_t xid, row_id;
	int64_t at_us; /* the latest so far */
};

struct audit_head {
	struct merkle_frontier frontier;
	struct audit_place place;
	int64_t first_xid;    /* of the first batch's last row */
	uint64_t signed_size; /* of the last checkpoint; 0 = none */
	int64_t signed_ms;
	const char *note; /* that checkpoint; "" = none */
	bool retired;	  /* another key signed after the one that was asked about: it may not */
};
typedef void audit_head_done(void *ctx, enum err e, const struct audit_head *head);
/*   ERR_INTERNAL  what stands there is no tree: somebody changed audit_batch
 *   ERR_CONFLICT  its last transaction is still to come: a dump was restored into another cluster
 */
/* key: as checkpoint.h writes it; "": nothing is signed here. */
MUST_CHECK enum err audit_head_read(
	struct db *db, const char *key, audit_head_done *done, void *ctx);

struct audit_entry {
	struct audit_row row;
	struct audit_place place;
};
enum { AUDIT_TAKE_MAX = 1000 };
typedef void audit_take_done(void *ctx, enum err e, const struct audit_entry *entries, size_t n);
MUST_CHECK enum err audit_take(struct db *db, const struct audit_place *after, size_t limit,
	audit_take_done *done, void *ctx);

struct audit_batch {
	uint64_t position; /* of the first row */
	size_t n;
	struct audit_place last;
	const struct merkle_hash *leaves;
	const struct merkle_frontier *frontier; /* behind the last */
};
struct audit_note_signed {
	uint64_t size;
	const char *note, *key; /* as checkpoint.h writes them */
};
/* One transaction for both; either may be NULL. n is what was appended or signed: 0 means that
 * another was there first (read the head again). ERR_LOST as all work of the leader. */
MUST_CHECK enum err audit_append(struct db *db, int64_t term, const struct audit_batch *batch,
	const struct audit_note_signed *note, term_work_done *done, void *ctx);

#endif
