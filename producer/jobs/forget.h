/* forget.h - a job with store = false was read to its end: its content goes now.
 *
 * Nobody waits for it, and nothing is tried twice: where the record does not take it, the log
 * names the job, and its content goes with the next read of it or with its retention class.
 *
 * Threads: start from any, the rest on a lane.  Memory: its own. */
#ifndef JOBS_FORGET_H
#define JOBS_FORGET_H

#include "http/request.h"
#include "record/record.h"
#include "stores/job_read.h"

void forget_start(struct request *r, struct job_key key);

extern const struct record_op forget_op;

#endif
