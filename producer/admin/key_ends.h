/* key_ends.h - how API keys end: revoked at once, or when their successor has taken over.
 *
 *   DELETE /v1/api-keys/{id}?dry_run=true           204
 *   POST /v1/api-keys/{id}/rotate?dry_run=true {"overlap_s"?}
 *                                                   201, with the successor, this once
 *
 * A dry run tells whose key it is and when it was last used, what ends with it, whether it is the
 * caller's, and of an operator's that is revoked how many others are left.
 *
 * A tenant's own people end so many keys as their share of the list of revocations holds
 * (identity.tenant_revocations, 429 revocations_full): each is on it until what was bought with it
 * has run out.
 *
 * Threads: the servers', lanes.  Memory: the requests'; secrets are wiped. */
#ifndef ADMIN_KEY_ENDS_H
#define ADMIN_KEY_ENDS_H

#include "http/request.h"
#include "record/record.h"

void api_keys_delete(struct request *r);
void api_keys_rotate(struct request *r);

extern const struct record_op api_key_get_op, api_key_revoke_op, api_key_rotate_op, api_key_room_op;

#endif
