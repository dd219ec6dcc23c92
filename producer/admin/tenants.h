/* tenants.h - operators make tenants and their lists of callback origins.
 *
 *   POST /v1/tenants {"name"}                       201, with the webhook secret, this once
 *   GET  /v1/tenants?limit=&after=
 *   GET /v1/tenants/{name}/callback-origins
 *   PUT /v1/tenants/{name}/callback-origins?dry_run=true {"origins": []}
 *
 * Threads: the servers', lanes.  Memory: the requests'; secrets are wiped. */
#ifndef ADMIN_TENANTS_H
#define ADMIN_TENANTS_H

#include "http/request.h"
#include "record/record.h"

void tenants_post(struct request *r);
void tenants_get(struct request *r);
void origins_get(struct request *r);
void origins_put(struct request *r);

extern const struct record_op tenant_create_op, tenant_list_op, tenant_read_op, tenant_change_op;

#endif
