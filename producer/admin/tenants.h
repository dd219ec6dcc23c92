/* tenants.h - operators make tenants, their keys and their lists of callback origins.
 *
 *   POST /v1/tenants {"name"}                       201, with the webhook secret, this once
 *   GET  /v1/tenants?limit=&after=
 *   GET|PUT /v1/tenants/{name}/callback-origins {"origins": []}
 *   POST /v1/api-keys {"tenant", "name"?, "user"? | "roles"?, "scope"?, "expires_in_s"?}
 *                                                   201, with the key, this once
 *   GET  /v1/api-keys?tenant=&limit=&after=
 *   DELETE /v1/api-keys/{id}                        204
 *   POST /v1/api-keys/{id}/rotate {"overlap_s"?}    201, with the successor, this once
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
void api_keys_post(struct request *r);
void api_keys_get(struct request *r);
void api_keys_delete(struct request *r);
void api_keys_rotate(struct request *r);

extern const struct record_op tenant_create_op, tenant_list_op, tenant_find_op, tenant_read_op,
	tenant_change_op;
extern const struct record_op api_key_roles_op, api_key_insert_op, api_key_list_op,
	api_key_revoke_op, api_key_rotate_op;

#endif
