/* grants.h - keeps fleet-wide concurrency: each worker's part of the capped queues.
 *
 * Computed from live leases (share.h), written only when something changed, and
 * checked by the claim itself (room, stores/lease_sql.h). Without a capped queue it
 * costs nothing.
 *
 * There is room for 256 workers, and for 4,096 pairs of a worker and a capped queue: a
 * worker beyond them is granted nothing, and runs no job of a capped queue.
 *
 * Tenants at their own cap are blocked here as well, so that nobody looks at their
 * heads in vain.
 *
 * Threads: the scheduler's. */
#ifndef SCHEDULER_GRANTS_H
#define SCHEDULER_GRANTS_H

#include "leader.h"

struct grants;

MUST_CHECK enum err grants_new(struct grants **ret_grants);
void grants_free(struct grants *grants);
MUST_CHECK enum err grants_run(struct leader *leader, bool *ret_busy);

#endif
