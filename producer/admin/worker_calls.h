/* worker_calls.h - operators see workers and take them out of service.
 *
 *   GET  /v1/workers
 *   POST /v1/workers/{id}/drain
 *
 * Threads: the servers', lanes.  Memory: the requests'. */
#ifndef ADMIN_WORKER_CALLS_H
#define ADMIN_WORKER_CALLS_H

#include "http/request.h"
#include "record/record.h"

void workers_get(struct request *r);
void worker_drain_call(struct request *r);

extern const struct record_op worker_list_op, worker_drain_op;

#endif
