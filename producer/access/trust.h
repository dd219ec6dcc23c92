/* trust.h - whom this process believes, as one object that never changes: our own signing keys and
 * the issuers of tenants.
 *
 * Read from the record as a whole whenever the access sequence moved, published whole
 * and counted, like the queues (queues.h): a check holds one for as long as it runs.
 *
 * Threads: any may read; the count is atomic.  Memory: secrets in it are wiped with it. */
#ifndef ACCESS_TRUST_H
#define ACCESS_TRUST_H

#include "identity/jwk.h"
#include "identity/token.h"
#include "stores/issuer.h"
#include "stores/signing_key.h"

enum { TRUST_KEYS_MAX = 100, TRUST_NAME_MAX = 64 };

struct trust_key {
	struct token_key key;
	int64_t signs_ms, ends_ms; /* ends 0: not yet known */
};

struct trust_issuer {
	struct id id, tenant;
	char tenant_name[TRUST_NAME_MAX + 1];
	char *iss, *audience, *url, *roles_claim; /* url "": secret is its only key */
	jwk_algs algs;
	struct jwk secret;
	struct trust_role {
		char *theirs, *ours;
	} * roles;
	size_t roles_n;
};

struct trust {
	_Atomic unsigned holders;
	size_t keys_n, issuers_n;
	struct trust_key keys[TRUST_KEYS_MAX]; /* the newest first */
	struct trust_issuer issuers[];
};

/* A row that cannot be read is left out: one bad row must not keep all others out. */
MUST_CHECK enum err trust_new(size_t issuers, struct trust **ret_trust);
MUST_CHECK enum err trust_add_key(
	struct trust *t, struct keyring *ring, const struct signing_key *key);
MUST_CHECK enum err trust_add_issuer(
	struct trust *t, struct keyring *ring, const struct issuer *issuer);
struct trust *trust_hold(struct trust *t);
/* NULL is fine. */
void trust_release(struct trust *t);

/* The key that signs at now; NULL when there is none. */
const struct trust_key *trust_signer(const struct trust *t, int64_t now_ms);
/* Verifies at now. NULL when there is none of this kid. */
const struct trust_key *trust_key_find(const struct trust *t, const char *kid, int64_t now_ms);
/* Was one of our keys taken back before a token of it that lives until expires_ms has ended? */
bool trust_key_fell(const struct trust *t, struct id key, int64_t expires_ms, int64_t now_ms);
bool trust_has_issuer(const struct trust *t, struct id issuer);
/* By the exact text of iss: a slash more is another issuer. NULL when there is none. */
const struct trust_issuer *trust_issuer_find(const struct trust *t, const char *iss);
/* What the issuer's role is called here; NULL: nothing. Of TRUST_EVERYBODY: the role that all have
 * for whom it vouches. */
#define TRUST_EVERYBODY "*"
const char *trust_role(const struct trust_issuer *issuer, const char *theirs);

#endif
