/* tenant_plan.h - operators' calls about which plan a tenant has.
 *
 *   GET, PUT /v1/tenants/{name}/plan
 *
 * ?dry_run=true says what would change, and changes nothing. A change holds in every producer
 * within PLANS_LOOK_MS and a moment, that of tokens in every worker a little later
 * (worker/token_limits.h).
 *
 * Threads: as other calls.  Memory: the request's. */
#ifndef LIMITS_TENANT_PLAN_H
#define LIMITS_TENANT_PLAN_H

#include "http/request.h"
#include "record/record.h"

void tenant_plan_get(struct request *r);
void tenant_plan_put(struct request *r);

extern const struct record_op tenant_plan_read_op, tenant_plan_try_op, tenant_plan_change_op;

#endif
