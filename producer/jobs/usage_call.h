/* usage_call.h - what was used and what it cost.
 *
 *   GET /v1/usage?from=2026-01-01&until=2026-02-01&by=day,model
 *
 * by: day, queue, upstream, model, and for operators tenant; what is not named is
 * added together. from defaults to 30 days ago, until to tomorrow: until is the
 * first day that is left out. A tenant sees its own; an operator, on the other
 * address, all of them.
 *
 * Threads: server's, then a lane's.  Memory: the request's. */
#ifndef JOBS_USAGE_CALL_H
#define JOBS_USAGE_CALL_H

#include "http/request.h"
#include "record/record.h"

void usage_call(struct request *r);
void usage_all_call(struct request *r);

extern const struct record_op usage_op;

#endif
