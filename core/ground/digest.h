/* digest.h - hashes, text forms of bytes, equality that leaks no time, chance.
 *
 * The only doors to libsodium are here, in aead.c, ed25519.c and id.c, so that
 * it can be replaced in one folder.
 *
 * Threads: any.  Memory: the caller's arrays; decoders say how much they wrote. */
#ifndef GROUND_DIGEST_H
#define GROUND_DIGEST_H

#include "ground/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DIGEST_SIZE = 32, DIGEST_HEX_MAX = 2 * DIGEST_SIZE + 1 };

struct digest_part {
	const void *bytes;
	size_t len;
};

/* FIPS 180-4. */
void digest_sha256(const void *bytes, size_t len, uint8_t out[DIGEST_SIZE]);
/* RFC 2104 with SHA-256, over the parts as if they were one text. */
void digest_hmac(const void *key, size_t key_len, const struct digest_part *parts, size_t n,
	uint8_t out[DIGEST_SIZE]);

/* RFC 7693, keyed: what HMAC does, at a fifth of its price. key_len and out_len: 16 to 64. */
void digest_keyed(const void *key, size_t key_len, const struct digest_part *parts, size_t n,
	uint8_t *out, size_t out_len);

/* SipHash-2-4 with 128 bits (Aumasson, Bernstein, 2012): names for what is looked up at every
 * request, which nobody can make or undo without the key. Not for what lasts. */
enum { DIGEST_SHORT = 16, DIGEST_SHORT_KEY = 16 };
void digest_short(const uint8_t key[DIGEST_SHORT_KEY], const void *bytes, size_t len,
	uint8_t out[DIGEST_SHORT]);

/* Equal in content; the time taken depends on len alone. */
bool digest_equal(const void *a, const void *b, size_t len);
/* Overwrites in a way that no optimiser removes. */
void digest_wipe(void *bytes, size_t len);
/* From the kernel; never fails once the machine has booted. */
void digest_random(void *out, size_t len);

/* RFC 4648: the standard alphabet with padding, or the URL one without. */
enum digest_base64 { DIGEST_BASE64, DIGEST_BASE64_URL };
enum err digest_base64_append(
	struct buf *b, enum digest_base64 form, const void *bytes, size_t len);
/* Strict: no spaces, padding as the form has it, no stray bits. False when text
 * is not such a text or more than room bytes; *ret_len is then untouched. */
bool digest_base64_decode(enum digest_base64 form, const char *text, size_t len, void *out,
	size_t room, size_t *ret_len);

/* Lower case; out has 2 * len + 1 bytes. */
void digest_hex(const void *bytes, size_t len, char *out);
/* Either case, exactly 2 * len digits and nothing more. */
bool digest_unhex(const char *text, void *out, size_t len);

#endif
