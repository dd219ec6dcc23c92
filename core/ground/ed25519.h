/* ed25519.h - signatures that anybody can check (RFC 8032).
 *
 * Threads: any.  Memory: the caller's arrays. */
#ifndef GROUND_ED25519_H
#define GROUND_ED25519_H

#include "ground/digest.h"

enum { ED25519_SEED = 32, ED25519_PUBLIC = 32, ED25519_SECRET = 64, ED25519_SIGNATURE = 64 };

/* secret is seed || public key, as libsodium and the whsk_ form have it. */
void ed25519_new(uint8_t secret[ED25519_SECRET], uint8_t public_key[ED25519_PUBLIC]);
/* The same from a seed that is kept elsewhere. */
void ed25519_from_seed(const uint8_t seed[ED25519_SEED], uint8_t secret[ED25519_SECRET],
	uint8_t public_key[ED25519_PUBLIC]);
/* False when the second half of secret is not the public key of the first. */
bool ed25519_secret_fits(const uint8_t secret[ED25519_SECRET]);
MUST_CHECK enum err ed25519_sign(const uint8_t secret[ED25519_SECRET],
	const struct digest_part *parts, size_t n, uint8_t signature[ED25519_SIGNATURE]);
bool ed25519_verify(const uint8_t public_key[ED25519_PUBLIC], const void *bytes, size_t len,
	const uint8_t signature[ED25519_SIGNATURE]);

#endif
