/* tenant_limits.h - a tenant's weight and caps: GET and PATCH /v1/tenants/{name}/limits.
 *
 * A dry run (?dry_run=true) tells what would stand, what stands, and what the tenant has now: a cap
 * below that lets no new job in until fewer wait.
 *
 * Threads: as other calls.  Memory: the request's. */
#ifndef ADMIN_TENANT_LIMITS_H
#define ADMIN_TENANT_LIMITS_H

#include "http/request.h"
#include "record/record.h"

void limits_get(struct request *r);
/* What is left out stays; null is the usual: weight 1, no cap. */
void limits_patch(struct request *r);

extern const struct record_op limits_read_op, limits_try_op, limits_change_op;

#endif
