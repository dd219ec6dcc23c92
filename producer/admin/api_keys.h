/* api_keys.h - operators make API keys, list them, end and renew them.
 *
 *   POST /v1/api-keys {"tenant", "name"?, "user"? | "roles"?, "scope"?, "expires_in_s"?}
 *                                                   201, with the key, this once
 *   GET  /v1/api-keys?tenant=&limit=&after=
 *   DELETE /v1/api-keys/{id}                        204
 *   POST /v1/api-keys/{id}/rotate {"overlap_s"?}    201, with the successor, this once
 *
 * Threads: the servers', lanes.  Memory: the requests'; secrets are wiped. */
#ifndef ADMIN_API_KEYS_H
#define ADMIN_API_KEYS_H

#include "http/request.h"
#include "record/record.h"

void api_keys_post(struct request *r);
void api_keys_get(struct request *r);
void api_keys_delete(struct request *r);
void api_keys_rotate(struct request *r);

extern const struct record_op api_key_roles_op, api_key_insert_op, api_key_list_op,
	api_key_revoke_op, api_key_rotate_op;

#endif
