/* job_change_sql.h - the statements of job_change.c.
 *
 * $1, $2: tenants and jobs, pairwise. $3-$5: the actor's kind, id, request. A
 * change returns tenant, job, state, version, worker, fence, queue of what it touched, and 0; a
 * retry and a patch also what they left for want of room, and why (room_sql.h).
 * JOB_LOCK comes first in its transaction and returns tenant, job, state, version
 * as they were when the lock was had; a change then sees all that was committed
 * before. Ready and due rows are only taken when nobody else has them: who claims
 * or moves one waits for the job's lock, and then sees that it has changed.
 *
 * For core/stores only.  Threads, memory: constants. */
#ifndef STORES_JOB_CHANGE_SQL_H
#define STORES_JOB_CHANGE_SQL_H

#include "ports/db.h"

extern const struct db_stmt JOB_LOCK;
extern const struct db_stmt JOB_CANCEL;
extern const struct db_stmt JOB_RETRY;
extern const struct db_stmt JOB_DELETE;
/* $6 priority or -1, $7 queue or 0, $8 whether run_at is given, $9 run_at or null = now. */
extern const struct db_stmt JOB_PATCH;
extern const struct db_stmt JOB_FORGET_INPUT, JOB_FORGET_RESULT, JOB_FORGET_EVENTS,
	JOB_FORGET_AUDIT;

#endif
