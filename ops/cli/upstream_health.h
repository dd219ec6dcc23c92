/* upstream_health.h - an upstream's breakers, keys and pacing, summed up for one row of a table.
 *
 * The API tells each breaker, key and pace; who looks at all upstreams at once wants to
 * know which one is in trouble. The worst is named, the rest is counted.
 *
 * Threads: pure.  Memory: JSON is the caller's. */
#ifndef CLI_UPSTREAM_HEALTH_H
#define CLI_UPSTREAM_HEALTH_H

#include "ports/json.h"

/* Adds the member health to an upstream as GET /v1/upstreams tells it: breaker (the worst, and of
 * which model), by_hand (an operator's word that holds), keys (how many, how many set aside),
 * calls and waiting of all workers, retries_left, pacing (the tightest). Without Redis nothing
 * is shared, and breaker says so. */
void upstream_health_put(json_t *upstream);

#endif
