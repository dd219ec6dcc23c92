/* read_call.h - GET /v1/jobs/{id}: poll, long poll, ETag, expanded members.
 *
 * Polls of all callers share a statement. A long poll is a poll whose answer is
 * not final: it waits with the watchers (live.h), holding no thread and no
 * connection of the record, and reads again when its job has moved.
 *
 * Threads: server's, a lane's, the live thread's.  Memory: the request's. */
#ifndef JOBS_READ_CALL_H
#define JOBS_READ_CALL_H

#include "http/request.h"
#include "record/record.h"

void read_call(struct request *r);
/* Answers a parked submit that repeats an earlier one: 202 and the job as it is now. */
void read_replayed(struct request *r, struct id tenant, struct id job);
/* Answers a parked request with the job as it is now, and status. */
void read_after_change(struct request *r, struct id tenant, struct id job, int status);

extern const struct record_op read_op, read_large_op, read_tag_op;

#endif
