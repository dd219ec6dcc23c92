/* issuer_keys.h - the published keys of others, fetched when they are needed.
 *
 * A set is fetched when the first token of its issuer comes, kept as long as its
 * Cache-Control says within 5 to 15 minutes, and fetched anew in the background by the
 * first use after that. While its endpoint does not answer, or answers nonsense, the
 * old set serves on, up to identity.stale_s. A key id that the set does not have may
 * be new: it lets the set be fetched again, at most once in 30 s whatever comes, and
 * the requests that met it are asked again then (unproved.h).
 *
 * A tenant has ISSUER_KEYS_TENANT_MAX fetches under way at a time, and the rest of its issuers
 * wait: places that never answer hold up nobody else's keys. Who waits is taken in turn. Within a
 * second of an issuer's removal its fetch is cut and its keys are forgotten.
 *
 * The address is an operator's choice and goes through the same policy as callbacks
 * (domain/egress.h), judged when the socket is made.
 *
 * Threads: any; fetching on the producer's loop. One lock.  Memory: a set is at most
 * 256 KiB of JSON and 64 keys. */
#ifndef ACCESS_ISSUER_KEYS_H
#define ACCESS_ISSUER_KEYS_H

#include "access/trust.h"

enum {
	ISSUER_KEYS_AGAIN_MS = 30000,
	ISSUER_KEYS_TENANT_MAX = 4,
	ISSUER_KEYS_TTL_MIN_S = 300,
	ISSUER_KEYS_TTL_MAX_S = 900
};

struct issuer_keys;
struct producer;

MUST_CHECK enum err issuer_keys_new(struct producer *producer, struct issuer_keys **ret_keys);
/* NULL is fine. After the loop has ended and all requests have: nobody is told. */
void issuer_keys_free(struct issuer_keys *k);

/* The set to verify with, held; NULL when there is none to be believed. */
struct jwk_set *issuer_keys_hold(struct issuer_keys *k, const struct trust_issuer *issuer);
/* Fetches the set soon, if that may be tried again; unproved_again tells when it came, or failed.
 */
void issuer_keys_want(struct issuer_keys *k, struct id issuer);

#endif
