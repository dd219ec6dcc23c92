/* grants.h - keeps fleet-wide concurrency: each worker's part of the capped queues.
 *
 * Computed from live leases (share.h), written only when something changed, and
 * checked by the claim itself (room, stores/lease_sql.h). Without a capped queue it
 * costs nothing.
 *
 * There is room for 65,536 pairs of a worker and a capped queue. Beyond them nothing is
 * granted anew and the log says so: what was granted goes on to hold, and no cap is passed.
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
