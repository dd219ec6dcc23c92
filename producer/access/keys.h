/* keys.h - what is shown as `Authorization: Bearer ...`, an API key or a token, becomes a caller.
 *
 * A key is checked by its spelling first (a wrong checksum costs no look-up),
 * then by its SHA-256 in a cache, then in the record. What the cache knows is at
 * most KEYS_TTL_MS old (identity.away_s for a GET while the record does not answer);
 * an unknown key is remembered for a shorter while. Shortly before an entry ends, the
 * first use of it renews it in the background, so that a busy key is never waited for.
 *
 * A token is checked by its signature (token_check.h); the record is asked for its
 * tenant's facts alone. It stands in the same cache, until it expires or until a
 * generation of the authority's is over: then its signature is checked again.
 *
 * Whatever the cache says, each request is judged by the list of revocations
 * (authority.h).
 *
 * Operators' keys open the operators' listener only, tenants' keys and tokens the other.
 *
 * Threads: any; one lock, held for a look-up.  Memory: bounded; a full cache is
 * emptied. */
#ifndef ACCESS_KEYS_H
#define ACCESS_KEYS_H

#include "http/request.h"
#include "record/record.h"

enum {
	KEYS_TTL_MS = 5000,
	KEYS_WATCHER_MS = 300000,
	KEYS_RENEW_MS = 3000,
	KEYS_UNKNOWN_TTL_MS = 1000,
	KEYS_MAX = 16384,
	KEYS_UNKNOWN_MAX = 4096
};

struct keys;

MUST_CHECK enum err keys_new(struct producer *producer, struct keys **ret_keys);
void keys_free(struct keys *keys);
/* server_access_fn */
enum err keys_check(struct request *r, bool *ret_parked);
/* For a parked request that names an API key elsewhere than in its head: fills r->caller, principal
 * zero for no such key, and r->access_err; then calls told, now or from a lane. */
void keys_find(struct request *r, const char *text, size_t len, void (*told)(struct request *r));
/* How old what is known may be for this request: KEYS_TTL_MS. While the record does not answer,
 * identity.away_s for a GET; and how this process does is shown to whoever was known to be good
 * KEYS_WATCHER_MS before its last answer, however long ago that was: metrics are read in an outage
 * above all. */
int64_t keys_vouched_ms(const struct request *r);
/* Forgets everything: after a change that callers of this process expect to see. */
void keys_forget(struct keys *keys);

extern const struct record_op keys_find_op, keys_tenant_op, keys_touch_op;

#endif
