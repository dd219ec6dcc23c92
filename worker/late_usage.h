/* late_usage.h - what attempts used whose jobs are another's now.
 *
 * A holder that lost its job may still write one thing: what its attempt used
 * (stores/finish.h, finish_usage). One cancel may lose hundreds in a moment, and
 * Postgres may be away just then. So they stand in one line, go FINISH_MAX at a time,
 * one statement under way, and stay until the record answered; told twice, it books
 * once. A value that it refuses is found by halves (domain/halving.h) and left out.
 *
 * Bounds: LATE_USAGE_MAX wait, more than a worker may have slots. What comes when the
 * line is full is not booked, and that is logged; so is what waits when the worker ends.
 *
 * Threads: the loop's.  Memory: copies of some 500 bytes; no job is kept for it. */
#ifndef WORKER_LATE_USAGE_H
#define WORKER_LATE_USAGE_H

#include "ports/loop.h"
#include "stores/finish.h"

enum { LATE_USAGE_MAX = 131072 };

struct late_usage;

/* db: the connection that it goes by; it must be closed before late_usage_free. ERR_NOMEM. */
MUST_CHECK enum err late_usage_new(struct loop *loop, struct db *db, struct late_usage **ret_usage);
/* NULL is fine. */
void late_usage_free(struct late_usage *u);
/* Copies what finish_usage reads of end. holder: the incarnation that claimed the job. */
void late_usage_add(struct late_usage *u, struct id holder, const struct finish *end);
/* At the end of a turn. */
void late_usage_flush(struct late_usage *u);
/* Not acknowledged yet. */
size_t late_usage_waiting(const struct late_usage *u);

#endif
