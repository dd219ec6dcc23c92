/* forget.h - a job with store = false was read to its end: its content goes now.
 *
 * Nobody waits for it; what is not forgotten here goes with its retention class.
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
