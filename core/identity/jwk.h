/* jwk.h - keys that verify tokens (RFC 7517): one, and a published set of them.
 *
 * A key has one algorithm, fixed when it is read: what its alg says, or the only
 * one that its type leaves among those its issuer may use. A token of another
 * algorithm does not fit the key, whatever its header claims; so no RSA key ever
 * becomes an HMAC secret.
 *
 * In a set, keys of unknown types and those for encryption are passed over, as RFC 7517
 * wants it. Two keys of one id make it ambiguous which of them signed: neither is taken.
 *
 * Threads: pure; a set may be read by any, the count is atomic.  Memory: counted. */
#ifndef IDENTITY_JWK_H
#define IDENTITY_JWK_H

#include "ground/ed25519.h"
#include "identity/jws.h"
#include "ports/public_key.h"

enum {
	JWK_SET_MAX = 64,
	JWK_SET_BYTES_MAX = 256 * 1024,
	JWK_SECRET_MIN = 32,
	JWK_SECRET_MAX = 512
};

struct jwk {
	char kid[JWS_KID_MAX + 1];
	enum jws_alg alg;
	uint8_t ed25519[ED25519_PUBLIC];
	struct public_key *public_key;	/* RSA, P-256; the key's */
	uint8_t secret[JWK_SECRET_MAX]; /* HS256 */
	size_t secret_len;
};

/* Which algorithms an issuer may use: a bit each. */
typedef unsigned jwk_algs;
#define JWK_ALG(alg) (1u << (alg))

/* Reads one public key.
 *   ERR_NOT_FOUND      nothing to verify with here: another type, another use, another algorithm
 *   ERR_INVALID_FIELD  it is not sound: too short, off its curve, spelt wrongly      ERR_NOMEM */
MUST_CHECK enum err jwk_read(const json_t *object, jwk_algs algs, struct jwk *ret_key);
/* A shared secret, 32 to 512 bytes. ERR_INVALID_FIELD. */
MUST_CHECK enum err jwk_secret(
	const char *kid, const void *secret, size_t len, struct jwk *ret_key);
/* Wipes it. */
void jwk_clear(struct jwk *key);
/* The algorithm is the key's own and the signature is good. */
bool jwk_verify(const struct jwk *key, const struct jws *jws);

struct jwk_set {
	_Atomic unsigned holders;
	size_t n;
	struct jwk keys[];
};
/* Reads {"keys":[...]}; unsound keys are left out.
 *   ERR_TOO_LARGE  more than 64 keys or 256 KiB     ERR_INVALID_JSON     ERR_NOMEM */
MUST_CHECK enum err jwk_set_read(
	const char *bytes, size_t len, jwk_algs algs, struct jwk_set **ret_set);
struct jwk_set *jwk_set_hold(struct jwk_set *set);
/* NULL is fine. */
void jwk_set_release(struct jwk_set *set);
/* NULL when there is none. */
const struct jwk *jwk_set_find(const struct jwk_set *set, const char *kid);

#endif
