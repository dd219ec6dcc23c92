/* shut_out.h - how many would be shut out, counted before it is done.
 *
 * What is counted is good now: a key that is neither revoked nor expired, a family of refresh
 * tokens that can be used, neither of them given before a moment that is on the list already.
 * Access tokens are no rows of the record, so nobody can count them: they end with their key or
 * family.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_SHUT_OUT_H
#define STORES_SHUT_OUT_H

#include "identity/revocation.h"
#include "ports/db.h"

/* Each counted up to SHUT_OUT_MAX. */
enum { SHUT_OUT_MAX = 1000000 };
struct shut_out {
	int64_t keys;	   /* API keys; a network's are not known: they count by who asks */
	int64_t users;	   /* for whom those keys act */
	int64_t families;  /* of refresh tokens */
	int64_t operators; /* operators' keys that would be left */
};
typedef void shut_out_done(void *ctx, enum err e, const struct shut_out *n);

/* By this entry of the list, as revocation_put would make it; of one tenant, before_ms 0 = now. Of
 * its kind credential the subject may be an API key or an issuer as well. */
MUST_CHECK enum err shut_out_count(
	struct db *db, const struct revocation *r, shut_out_done *done, void *ctx);

#endif
