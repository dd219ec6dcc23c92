/* authority.h - what this process knows of who may come: keys, issuers, and what is revoked.
 *
 * Once a second one statement asks the record what is new behind the last number of
 * the access sequence. Revocations are added at once; when anything else moved the
 * sequence, keys and issuers are read anew and published whole (trust.h). Each change
 * makes a new generation: what was checked under an older one is checked again.
 *
 * Everybody is judged by the list, with every request: tokens, API keys, and every
 * five seconds whoever listens to an open stream. When the record does not answer,
 * the copy serves a GET and open streams for identity.away_s and all else for 5 s (keys.h:
 * keys_vouched_ms); then the answer is 503, since nobody can tell who was revoked
 * meanwhile. Metrics alone go on.
 *
 * An installation without a signing key gets its first one here.
 *
 * Tokens are put on the list by who holds them, users and networks by a tenant's own people too: so
 * each tenant has a part of it, as this process knows it: what was added within the last second may
 * come on top.
 *
 * Threads: any, but for start and free; revocations behind one read-write lock, the
 * trust behind a mutex held to take a reference.  Memory: bounded by AUTHORITY_REVOCATIONS_MAX. */
#ifndef ACCESS_AUTHORITY_H
#define ACCESS_AUTHORITY_H

#include "access/caller.h"
#include "access/trust.h"
#include "identity/revocation.h"
#include "record/record.h"

enum {
	AUTHORITY_CHANGE_MS = 5000,
	AUTHORITY_AGAIN_MS = 5000, /* between looks at who listens */
	AUTHORITY_REVOCATIONS_MAX = 1000000,
	AUTHORITY_STANDING_MAX = 1000 /* of one tenant's users and networks, by its own people */
};

struct authority;
struct producer;

MUST_CHECK enum err authority_new(struct producer *producer, struct authority **ret_authority);
/* Begins to look, on the producer's loop. */
MUST_CHECK enum err authority_start(struct authority *a);
/* NULL is fine. */
void authority_free(struct authority *a);

/* The newest trust, held; NULL before the first. */
struct trust *authority_trust(struct authority *a);
/* It has looked once. */
bool authority_is_ready(const struct authority *a);
/* How long ago the record was asked for what its last answer told. */
int64_t authority_unasked_ms(const struct authority *a);
/* How old a copy may be that serves a GET: identity.away_s. */
int64_t authority_away_ms(const struct authority *a);
/* Grows with every change that was heard of. */
uint64_t authority_generation(const struct authority *a);

/* Something else that checks depend on has changed: an issuer's keys. */
void authority_moved(struct authority *a);

/* What the list is asked of it. */
struct revocation_facts authority_facts(const struct caller *caller);
/* May it still come, judged by a copy at most copy_ms old?
 *   ERR_UNAUTHORIZED  revoked or expired, or its key or issuer is believed no longer
 *   ERR_UNAVAILABLE   the copy is too old */
MUST_CHECK enum err authority_judge(
	struct authority *a, const struct caller *caller, int64_t copy_ms);
/* The same for who listens to an open stream, by a copy at most authority_away_ms old. That a token
 * has expired meanwhile ends nothing: it was good when the stream began. */
MUST_CHECK enum err authority_judge_open(struct authority *a, const struct caller *caller);
/* Would this entry, on a list of its own, shut the caller out? A credential may be an issuer here,
 * whose tokens would be believed no longer. ERR_NOMEM */
MUST_CHECK enum err authority_try(
	const struct caller *caller, const struct revocation *r, bool *ret_denies);
/* Would it be denied if it came from some other address? */
bool authority_denies_somewhere(struct authority *a, const struct caller *caller);
/* Is there room for one revocation more? of: in whose share of the list; an operator is held to
 * none, REVOCATION_UNCOUNTED.
 *   ERR_UNAVAILABLE       the list is full
 *   ERR_REVOCATIONS_FULL  that share is; authority_full_why tells what to do then */
MUST_CHECK enum err authority_room(struct authority *a, enum revocation_share share, struct id of);
const char *authority_full_why(enum revocation_share share);
/* Looks soon, after a change of ours. */
void authority_look(struct authority *a);

extern const struct record_op authority_since_op, authority_keys_op, authority_issuers_op,
	authority_first_op;

#endif
