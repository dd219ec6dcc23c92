/* queue_calls.h - operators see and change queues.
 *
 *   GET   /v1/queues                       settings and flow
 *   PATCH /v1/queues/{name}                creates; omitted fields stay
 *   POST  /v1/queues/{name}/pause|resume|drain
 *
 * Threads: the servers', lanes.  Memory: the requests'. */
#ifndef ADMIN_QUEUE_CALLS_H
#define ADMIN_QUEUE_CALLS_H

#include "http/request.h"
#include "record/record.h"

void queues_get(struct request *r);
void queue_get(struct request *r);
void queue_patch_call(struct request *r);
void queue_pause(struct request *r);
void queue_resume(struct request *r);
void queue_drain(struct request *r);

extern const struct record_op queue_list_op, queue_patch_op;

#endif
