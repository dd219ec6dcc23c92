/* change_call.h - what a caller does to one job: cancel, retry, change, delete.
 *
 * Each is one transaction of its own; the answer is the job as it is afterwards
 * (204 when it is gone). A state that does not allow it is 409 and names the state. A retry, and
 * a move to a queue, are refused for want of room as a submit is.
 *
 * Threads: server's, then a lane's.  Memory: the request's. */
#ifndef JOBS_CHANGE_CALL_H
#define JOBS_CHANGE_CALL_H

#include "http/request.h"
#include "record/record.h"
#include "stores/job_change.h"

void cancel_call(struct request *r);
void retry_call(struct request *r);
void patch_call(struct request *r);
void delete_call(struct request *r);

extern const struct record_op cancel_op, retry_op, patch_op, delete_op;

/* After a commit: tells watchers, and who holds a job that was cancelled. Any thread. */
void change_tell(struct producer *producer, const struct job_changed *jobs, size_t n);

#endif
