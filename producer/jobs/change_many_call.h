/* change_many_call.h - POST /v1/jobs/cancel and /v1/jobs/retry: all jobs that a filter names.
 * For operators the same of one tenant: POST /v1/tenants/{name}/jobs/cancel and retry.
 *
 * Worked off page by page, each page one transaction, newest first, so that a
 * hundred thousand jobs hold no lock for long and a caller that goes away leaves
 * whole pages behind. One call changes at most `limit` jobs (CHANGE_MANY_MAX when it
 * is left out), so that a caller who wants to see it proceed asks for less at a
 * time; what a retry leaves for want of room, or a dry run of one would, is counted in `left`, by
 * submit's codes; `has_more` says that the filter may name further ones. An empty filter is
 * refused: to mean everything one has to say so with states.
 *
 * Threads: server's, then lanes'.  Memory: the request's. */
#ifndef JOBS_CHANGE_MANY_CALL_H
#define JOBS_CHANGE_MANY_CALL_H

#include "http/request.h"
#include "record/record.h"

enum { CHANGE_MANY_MAX = 100000 };

void cancel_many_call(struct request *r);
void retry_many_call(struct request *r);

extern const struct record_op whose_op, count_op, retry_count_op, pick_op, cancel_many_op,
	retry_many_op;

#endif
