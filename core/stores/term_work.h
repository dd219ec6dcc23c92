/* term_work.h - what every statement of the leader has in common.
 *
 * Its SQL begins with TERM_SQL: the term's row, share-locked, so that the next
 * leader waits for a statement under way and a former one matches no row. Its one
 * row of reply is (how many terms matched, rows moved).
 *
 * For core/stores only.  Threads: the connection's.  Memory: as store_call.h. */
#ifndef STORES_TERM_WORK_H
#define STORES_TERM_WORK_H

#include "stores/term.h"

#define TERM_SQL                                              \
	"t as materialized (select 1 as one from leader_term" \
	" where one and number = $1 and until > now() for share)"
#define TERM_HELD  "exists (select from t)"
#define TERM_REPLY "(select count(*) from t)"

/* Commits what was begun and tells done from the last statement's row. */
MUST_CHECK enum err term_work_commit(
	struct db *db, size_t statements, term_work_done *done, void *ctx);
/* The usual work: one transaction of one statement ($1 term, $2 limit). */
MUST_CHECK enum err term_work_run(struct db *db, const struct db_stmt *stmt, int64_t term,
	size_t limit, term_work_done *done, void *ctx);

#endif
