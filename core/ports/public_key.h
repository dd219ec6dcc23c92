/* public_key.h - public keys of others, RSA and P-256 (OpenSSL's libcrypto lives behind this).
 *
 * A key is judged when it is made, once: an RSA modulus of 2048 to 8192 bits with
 * an odd exponent of 3 to 2^32 - 1, a point that lies on P-256. What verifies
 * afterwards is a sound key or does not exist.
 *
 * Threads: a key may verify on any number of threads at once.  Memory: the caller's to free. */
#ifndef PORTS_PUBLIC_KEY_H
#define PORTS_PUBLIC_KEY_H

#include "ground/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PUBLIC_KEY_RSA_BITS_MIN = 2048,
	PUBLIC_KEY_RSA_BITS_MAX = 8192,
	PUBLIC_KEY_P256 = 32 /* bytes of a coordinate, and of half a signature */
};

/* All with SHA-256: RFC 8017's PKCS1-v1_5 and PSS with a salt of 32 bytes; FIPS 186-5. */
enum public_key_scheme { PUBLIC_KEY_PKCS1, PUBLIC_KEY_PSS, PUBLIC_KEY_ECDSA };

struct public_key;

struct public_key_number {
	const uint8_t *bytes; /* big-endian */
	size_t len;
};

/*   ERR_INVALID_FIELD  the key is not sound      ERR_NOMEM */
MUST_CHECK enum err public_key_rsa(struct public_key_number modulus,
	struct public_key_number exponent, struct public_key **ret_key);
MUST_CHECK enum err public_key_p256(const uint8_t x[PUBLIC_KEY_P256],
	const uint8_t y[PUBLIC_KEY_P256], struct public_key **ret_key);
/* NULL is fine. */
void public_key_free(struct public_key *key);

/* An ECDSA signature is r || s, 64 bytes (RFC 7518, 3.4); DER is refused. False also when there is
 * no memory. */
bool public_key_verify(const struct public_key *key, enum public_key_scheme scheme,
	struct public_key_number text, struct public_key_number signature);

#endif
