#include "ground/ed25519.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

void ed25519_new(uint8_t secret[ED25519_SECRET], uint8_t public_key[ED25519_PUBLIC])
{
	uint8_t seed[ED25519_SEED];

	digest_random(seed, sizeof(seed));
	ed25519_from_seed(seed, secret, public_key);
	digest_wipe(seed, sizeof(seed));
}

void ed25519_from_seed(const uint8_t seed[ED25519_SEED], uint8_t secret[ED25519_SECRET],
	uint8_t public_key[ED25519_PUBLIC])
{
	crypto_sign_seed_keypair(public_key, secret, seed);
}

bool ed25519_secret_fits(const uint8_t secret[ED25519_SECRET])
{
	uint8_t public_key[ED25519_PUBLIC];
	uint8_t again[ED25519_SECRET];
	bool fits;

	crypto_sign_seed_keypair(public_key, again, secret);
	fits = digest_equal(again, secret, sizeof(again));
	digest_wipe(again, sizeof(again));
	return fits;
}

/* The signature reads its message twice, so the parts are joined first. */
enum err ed25519_sign(const uint8_t secret[ED25519_SECRET], const struct digest_part *parts,
	size_t n, uint8_t signature[ED25519_SIGNATURE])
{
	struct buf joined;
	enum err e;

	buf_init(&joined, SIZE_MAX - 1);
	for (size_t i = 0; i < n; i++)
		buf_append(&joined, parts[i].bytes, parts[i].len);
	e = buf_err(&joined);
	if (e == ERR_OK)
		crypto_sign_detached(
			signature, NULL, (const uint8_t *)joined.bytes, joined.len, secret);
	buf_clear(&joined);
	return e;
}

bool ed25519_verify(const uint8_t public_key[ED25519_PUBLIC], const void *bytes, size_t len,
	const uint8_t signature[ED25519_SIGNATURE])
{
	return crypto_sign_verify_detached(signature, bytes, len, public_key) == 0;
}
