#include "domain/webhook_sign.h"

#include "ground/ed25519.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { KEY_MAX = 64, NEW_BYTES = 32 };

struct key {
	uint8_t bytes[KEY_MAX];
	size_t len;
};

static bool key_read(const char *prefix, const char *secret, size_t len, struct key *key)
{
	size_t at = strlen(prefix);

	return len > at && memcmp(secret, prefix, at) == 0 &&
	       digest_base64_decode(DIGEST_BASE64, secret + at, len - at, key->bytes,
		       sizeof key->bytes, &key->len);
}

static enum err append(struct buf *out, const char *version, const uint8_t *bytes, size_t len)
{
	if (out->len > 0)
		buf_char(out, ' ');
	buf_text(out, version);
	return digest_base64_append(out, DIGEST_BASE64, bytes, len);
}

static enum err sign_hmac(
	const struct key *key, const struct digest_part *parts, size_t n, struct buf *out)
{
	uint8_t signature[DIGEST_SIZE];

	if (key->len < WEBHOOK_SECRET_MIN)
		return ERR_INVALID_FIELD;
	digest_hmac(key->bytes, key->len, parts, n, signature);
	return append(out, "v1,", signature, sizeof signature);
}

static enum err sign_ed25519(
	const struct key *key, const struct digest_part *parts, size_t n, struct buf *out)
{
	uint8_t signature[ED25519_SIGNATURE];
	enum err err;

	if (key->len != ED25519_SECRET || !ed25519_secret_fits(key->bytes))
		return ERR_INVALID_FIELD;
	err = ed25519_sign(key->bytes, parts, n, signature);
	return err == ERR_OK ? append(out, "v1a,", signature, sizeof signature) : err;
}

enum err webhook_sign(
	const struct webhook_sign *message, const char *secret, size_t secret_len, struct buf *out)
{
	char stamp[32];
	int stamp_len = snprintf(stamp, sizeof stamp, ".%lld.", (long long)message->timestamp_s);
	const struct digest_part parts[] = {
		{message->id, strlen(message->id)},
		{stamp, (size_t)stamp_len},
		{message->body, message->body_len},
	};
	struct key key = {0};
	enum err err = ERR_INVALID_FIELD;

	if (key_read("whsec_", secret, secret_len, &key))
		err = sign_hmac(&key, parts, 3, out);
	else if (key_read("whsk_", secret, secret_len, &key))
		err = sign_ed25519(&key, parts, 3, out);
	digest_wipe(&key, sizeof key);
	return err;
}

void webhook_secret_new(char out[WEBHOOK_SECRET_TEXT_MAX])
{
	uint8_t bytes[NEW_BYTES];
	struct buf text;

	digest_random(bytes, sizeof bytes);
	buf_init(&text, WEBHOOK_SECRET_TEXT_MAX);
	digest_base64_append(&text, DIGEST_BASE64, bytes, sizeof bytes);
	snprintf(out, WEBHOOK_SECRET_TEXT_MAX, "whsec_%s", text.bytes ? text.bytes : "");
	digest_wipe(bytes, sizeof bytes);
	buf_clear(&text);
}

/* The next word of text, and what lies behind it. False when it is empty or too long. */
static bool word_read(const char **text, size_t *len, char out[WEBHOOK_SECRET_TEXT_MAX])
{
	const char *blank = memchr(*text, ' ', *len);
	const size_t n = blank ? (size_t)(blank - *text) : *len;

	if (n == 0 || n >= WEBHOOK_SECRET_TEXT_MAX)
		return false;
	memcpy(out, *text, n);
	out[n] = '\0';
	*text += n + (blank != NULL);
	*len -= n + (blank != NULL);
	return true;
}

bool webhook_secrets_read(const char *text, size_t len, struct webhook_secrets *ret)
{
	char until[WEBHOOK_SECRET_TEXT_MAX];

	*ret = (struct webhook_secrets){.before_until_s = 0};
	if (!word_read(&text, &len, ret->now))
		return false;
	if (len == 0)
		return true;
	if (!word_read(&text, &len, ret->before) || !word_read(&text, &len, until))
		return false;
	ret->before_until_s = strtoll(until, NULL, 10);
	return len == 0;
}

enum err webhook_secrets_write(const struct webhook_secrets *secrets, struct buf *out)
{
	if (!secrets->before[0])
		return buf_text(out, secrets->now);
	return buf_printf(out, "%s %s %lld", secrets->now, secrets->before,
		(long long)secrets->before_until_s);
}

enum err webhook_secrets_sign(
	const struct webhook_secrets *secrets, const struct webhook_sign *message, struct buf *out)
{
	enum err e = webhook_sign(message, secrets->now, strlen(secrets->now), out);

	if (e == ERR_OK && secrets->before[0] && message->timestamp_s < secrets->before_until_s)
		e = webhook_sign(message, secrets->before, strlen(secrets->before), out);
	return e;
}

void webhook_secret_mark(const char *secret, char out[WEBHOOK_MARK_MAX])
{
	static const struct digest_part what = {"longhaul webhook secret", 23};
	uint8_t digest[DIGEST_SIZE];

	digest_hmac(secret, strlen(secret), &what, 1, digest);
	digest_hex(digest, WEBHOOK_MARK_MAX / 2, out);
}
