/* tenant_limit.h - what a tenant may have, and what its turn is worth.
 *
 * Most tenants have no row: weight 1, no caps. A change counts with the next claim
 * and the next submit; there is nothing that remembers it.
 *
 *   weight       its share of a queue beside other tenants with work (share_sql.h)
 *   max_running  its running jobs, fleet-wide; checked by every claim. Claims of two
 *                workers at the same moment may pass it, by one claim at most.
 *   max_queued   its jobs that are queued or wait, in all queues, by the leader's last count: a
 *                burst may pass it by what arrives within one count
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_TENANT_LIMIT_H
#define STORES_TENANT_LIMIT_H

#include "ports/db.h"
#include "stores/audit.h"

struct tenant_limit {
	int32_t weight;	     /* 1-1000 */
	int32_t max_running; /* 0 = no cap */
	int64_t max_queued;  /* 0 = no cap */
	int64_t queued;	     /* counted; 0 without a cap */
};
typedef void tenant_limit_done(void *ctx, enum err e, const struct tenant_limit *limit);

struct tenant_limit_change {
	bool has_weight, has_max_running, has_max_queued;
	int32_t weight, max_running;
	int64_t max_queued;
};
/* Sets what is given, and tells what stands then. A tenant without a row has the usual.
 * ERR_UNAUTHORIZED: by is believed no longer (believed.h). */
MUST_CHECK enum err tenant_limit_patch(struct db *db, struct id tenant,
	const struct tenant_limit_change *change, const struct audit_actor *by,
	tenant_limit_done *done, void *ctx);
/* What a patch would make of it, and what the tenant has now, counted anew: the cap counts queued
 * and waiting together. Nothing is written. */
enum { TENANT_LIMIT_COUNT_MAX = 1000000 };
struct tenant_limit_trial {
	struct tenant_limit before, after; /* their queued is 0 */
	int64_t queued, waiting;	   /* each counted up to TENANT_LIMIT_COUNT_MAX */
	int64_t running;
};
typedef void tenant_limit_trial_done(void *ctx, enum err e, const struct tenant_limit_trial *trial);
MUST_CHECK enum err tenant_limit_try(struct db *db, struct id tenant,
	const struct tenant_limit_change *change, tenant_limit_trial_done *done, void *ctx);
MUST_CHECK enum err tenant_limit_get(
	struct db *db, struct id tenant, tenant_limit_done *done, void *ctx);

#endif
