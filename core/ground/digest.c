#include "ground/digest.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

/* libsodium chooses its fast code paths and its source of chance in sodium_init. */
static void digest_start(void)
{
	if (sodium_init() < 0)
		abort();
}

static void digest_ready(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, digest_start);
}

void digest_sha256(const void *bytes, size_t len, uint8_t out[DIGEST_SIZE])
{
	crypto_hash_sha256(out, bytes, len);
}

void digest_hmac(const void *key, size_t key_len, const struct digest_part *parts, size_t n,
	uint8_t out[DIGEST_SIZE])
{
	crypto_auth_hmacsha256_state state;

	crypto_auth_hmacsha256_init(&state, key, key_len);
	for (size_t i = 0; i < n; i++)
		crypto_auth_hmacsha256_update(&state, parts[i].bytes, parts[i].len);
	crypto_auth_hmacsha256_final(&state, out);
	sodium_memzero(&state, sizeof(state));
}

void digest_keyed(const void *key, size_t key_len, const struct digest_part *parts, size_t n,
	uint8_t *out, size_t out_len)
{
	crypto_generichash_state state;

	(void)crypto_generichash_init(&state, key, key_len, out_len);
	for (size_t i = 0; i < n; i++)
		(void)crypto_generichash_update(&state, parts[i].bytes, parts[i].len);
	(void)crypto_generichash_final(&state, out, out_len);
	sodium_memzero(&state, sizeof(state));
}

void digest_short(const uint8_t key[DIGEST_SHORT_KEY], const void *bytes, size_t len,
	uint8_t out[DIGEST_SHORT])
{
	(void)crypto_shorthash_siphashx24(out, bytes, len, key);
}

bool digest_equal(const void *a, const void *b, size_t len)
{
	return sodium_memcmp(a, b, len) == 0;
}

void digest_wipe(void *bytes, size_t len)
{
	if (bytes != NULL)
		sodium_memzero(bytes, len);
}

void digest_random(void *out, size_t len)
{
	digest_ready();
	randombytes_buf(out, len);
}

static int digest_variant(enum digest_base64 form)
{
	return form == DIGEST_BASE64 ? sodium_base64_VARIANT_ORIGINAL
				     : sodium_base64_VARIANT_URLSAFE_NO_PADDING;
}

enum err digest_base64_append(struct buf *b, enum digest_base64 form, const void *bytes, size_t len)
{
	size_t room;
	enum err e;

	if (len > SIZE_MAX / 4)
		return ERR_TOO_LARGE;
	room = sodium_base64_encoded_len(len, digest_variant(form));
	e = buf_reserve(b, room - 1);
	if (e != ERR_OK)
		return e;
	sodium_bin2base64(b->bytes + b->len, room, bytes, len, digest_variant(form));
	b->len += room - 1;
	return ERR_OK;
}

/* libsodium 1.0.18 takes bytes above 127 for characters of the alphabet where char is signed. */
static bool digest_is_ascii(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)text[i] > 127)
			return false;
	return true;
}

bool digest_base64_decode(enum digest_base64 form, const char *text, size_t len, void *out,
	size_t room, size_t *ret_len)
{
	const char *end = NULL;
	size_t n;

	if (!digest_is_ascii(text, len) ||
		sodium_base642bin(out, room, text, len, NULL, &n, &end, digest_variant(form)) !=
			0 ||
		end != text + len)
		return false;
	*ret_len = n;
	return true;
}

void digest_hex(const void *bytes, size_t len, char *out)
{
	sodium_bin2hex(out, 2 * len + 1, bytes, len);
}

bool digest_unhex(const char *text, void *out, size_t len)
{
	const char *end = NULL;
	size_t n;

	return strlen(text) == 2 * len &&
	       sodium_hex2bin(out, len, text, 2 * len, NULL, &n, &end) == 0 && n == len &&
	       end == text + 2 * len;
}
