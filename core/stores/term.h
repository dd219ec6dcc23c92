/* term.h - one leader at a time, by a term that Postgres issues.
 *
 * The row leader_term says who leads, in which term, until when (Postgres'
 * now()). A scheduler asks every second or so: it extends its own term, or takes
 * the next one when the last has run out. Every statement of the leader's work
 * (reap, due, expire, dispatch, ...) is given the term and first matches that row:
 * a leader that was frozen and continued touches 0 rows and learns ERR_LOST.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it; arguments are
 * copied. */
#ifndef STORES_TERM_H
#define STORES_TERM_H

#include "ports/db.h"

struct term {
	int64_t number;	  /* 0 = somebody else leads */
	int64_t left_ms;  /* how long the present term lasts, whoever has it */
	struct id leader; /* who has it */
};
typedef void term_hold_done(void *ctx, enum err e, const struct term *term);
/* Extends or takes the term for ms (3000 is usual). */
MUST_CHECK enum err term_hold(
	struct db *db, struct id scheduler, int64_t ms, term_hold_done *done, void *ctx);
/* Gives it up at a clean stop. */
MUST_CHECK enum err term_release(
	struct db *db, struct id scheduler, int64_t number, db_done_fn *done, void *ctx);

/* What the leader's statements tell: e is ERR_LOST when the term was not the present one (nothing
 * was changed). n = rows moved; call again while it equals the limit. */
typedef void term_work_done(void *ctx, enum err e, size_t n);

#endif
