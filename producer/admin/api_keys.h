/* api_keys.h - operators, and a tenant's own people, make API keys and list them. How keys end:
 * key_ends.h.
 *
 *   POST /v1/api-keys {"tenant", "name"?, "user"? | "roles"?, "scope"?, "expires_in_s"?}
 *                                                   201, with the key, this once
 *   GET  /v1/api-keys?tenant=&limit=&after=
 *
 * On the tenants' listener nobody names a tenant, and gives what is more than he has
 * (key_rights.h); nor makes more keys than the tenant may have there, 429 keys_full.
 *
 * Threads: the servers', lanes.  Memory: the requests'; secrets are wiped. */
#ifndef ADMIN_API_KEYS_H
#define ADMIN_API_KEYS_H

#include "http/request.h"
#include "record/record.h"

void api_keys_post(struct request *r);
void api_keys_get(struct request *r);
struct api_key;
struct tenant_call;
/* So many good keys may the call's tenant have by its own people's making; 0: an operator asks. */
int64_t api_keys_most(const struct tenant_call *t);
/* A key as it is shown, without its closing brace. */
void api_key_put(struct buf *out, const struct api_key *k);
/* An api_key_done of a batch of one: 201 with the key, its secret t->secret shown this once. */
void api_key_made(void *ctx, enum err e, const struct api_key *keys, size_t n);

extern const struct record_op api_key_insert_op, api_key_list_op;

#endif
