/* token_keys.h - the keys that sign our tokens, as operators see and change them.
 *
 *   POST /v1/signing-keys/rotate?dry_run=true {"signs_in_s"? | "emergency"?}
 *                                                   201, with the new key
 *
 * A rotation publishes the next key some while before it signs, and the one before it
 * verifies until its last token has expired. An emergency ends all keys before it at once:
 * a dry run says which.
 * GET /v1/signing-keys shows them beside those of webhooks (signing_keys.h).
 *
 * Threads: server's, then a lane's.  Memory: the request's. */
#ifndef ADMIN_TOKEN_KEYS_H
#define ADMIN_TOKEN_KEYS_H

#include "http/request.h"
#include "record/record.h"
#include "stores/signing_key.h"

void token_keys_rotate(struct request *r);
/* A list's entries with commas between; the newest key comes first. */
void token_keys_put(struct buf *out, const struct signing_key *keys, size_t n);

extern const struct record_op token_key_try_op, token_key_rotate_op;

#endif
