/* due.h - time does things to jobs: what is due becomes ready, what is late expires.
 *
 * Leader's work, in pages: limit rows a call, call again while n == limit. Due and
 * ready rows are taken with SKIP LOCKED in the order of their time; within a line
 * (parked.h) the time is a place's, and the best rank takes it. Expiry looks at
 * ready rows and leases; a due row needs no look, as a job's deadline never lies
 * before its time. A running job is ended under its row's lock, its event block
 * closed, its holder told by its next beat.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it; arguments are
 * copied. */
#ifndef STORES_DUE_H
#define STORES_DUE_H

#include "stores/term.h"

/* job_due -> job_ready for what is due now. */
MUST_CHECK enum err due_move(
	struct db *db, int64_t term, size_t limit, term_work_done *done, void *ctx);
/* Ready jobs whose deadline has passed -> expired. */
MUST_CHECK enum err due_expire_waiting(
	struct db *db, int64_t term, size_t limit, term_work_done *done, void *ctx);
/* Running jobs whose deadline passed more than a second ago (their worker should have ended them).
 */
MUST_CHECK enum err due_expire_running(
	struct db *db, int64_t term, size_t limit, term_work_done *done, void *ctx);

#endif
