/* keys.h - API keys: from `Authorization: Bearer lh_...` to a caller.
 *
 * A key is checked by its spelling first (a wrong checksum costs no look-up),
 * then by its SHA-256 in a cache, then in the record. What the cache knows is at
 * most KEYS_TTL_MS old (a minute for a look while the record is away: metrics go on),
 * so a revoked key works at most that long; an unknown key
 * is remembered for a shorter while. Shortly before an entry ends, the first use
 * of it renews it in the background, so that a busy key is never waited for.
 *
 * Operators' keys open the operators' listener only, tenants' keys the other.
 *
 * Threads: any; one lock, held for a look-up.  Memory: bounded; a full cache is
 * emptied. */
#ifndef ACCESS_KEYS_H
#define ACCESS_KEYS_H

#include "http/request.h"
#include "record/record.h"

enum {
	KEYS_TTL_MS = 5000,
	KEYS_AWAY_TTL_MS = 60000,
	KEYS_RENEW_MS = 3000,
	KEYS_UNKNOWN_TTL_MS = 1000,
	KEYS_MAX = 16384
};

struct keys;

MUST_CHECK enum err keys_new(struct producer *producer, struct keys **ret_keys);
void keys_free(struct keys *keys);
/* server_access_fn */
enum err keys_check(struct request *r, bool *ret_parked);
/* How old what is known may be for this request: KEYS_TTL_MS; KEYS_AWAY_TTL_MS for a GET while the
 * record is away. */
int64_t keys_vouched_ms(const struct request *r);
/* Forgets everything: after a change that callers of this process expect to see. */
void keys_forget(struct keys *keys);

extern const struct record_op keys_find_op, keys_tenant_op, keys_touch_op;

#endif
