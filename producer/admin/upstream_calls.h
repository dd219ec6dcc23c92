/* upstream_calls.h - operators see how upstreams are, and set breakers by hand.
 *
 *   GET /v1/upstreams                                   as every worker sees them
 *   PUT /v1/upstreams/{name}/models/{model}/breaker     {"mode": "auto|block|allow", "ttl_s"}
 *   PUT /v1/upstreams/{name}/keys/{label}/breaker       the same for a key's health
 *
 * Workers keep what they share of upstreams in Redis (domain/permit_keys.h), and an
 * operator's word is put there too: workers act by it with their next exchange, a
 * tenth of a second later where the upstream is in use. Without Redis there is no
 * common view: the list shows the configuration alone, and the word is refused with
 * 503, because no worker would hear it. A word is lost with Redis' memory, and ends
 * with its ttl_s.
 *
 * Threads: the server's, a lane's, then live's loop.  Memory: the requests'. */
#ifndef ADMIN_UPSTREAM_CALLS_H
#define ADMIN_UPSTREAM_CALLS_H

#include "http/request.h"
#include "record/record.h"

void upstreams_get(struct request *r);
void breaker_put(struct request *r);
void key_breaker_put(struct request *r);

extern const struct record_op breaker_note_op;

#endif
