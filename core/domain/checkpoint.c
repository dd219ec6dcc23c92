#include "domain/checkpoint.h"

#include "ground/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DASH "\xe2\x80\x94 "
enum { ALGORITHM_ED25519 = 0x01, LINES = 4, NUMBER_DIGITS_MAX = 19 };

bool checkpoint_name_fits(const char *log)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789._/-";
	const size_t n = strlen(log);

	return n > 0 && n < CHECKPOINT_NAME_MAX && strspn(log, allowed) == n;
}

/* ---- keys ---- */

static void id_set(struct checkpoint_key *key)
{
	uint8_t text[CHECKPOINT_NAME_MAX + 1 + 1 + ED25519_PUBLIC], hash[DIGEST_SIZE];
	size_t n = strlen(key->log);

	memcpy(text, key->log, n);
	text[n++] = '\n';
	text[n++] = ALGORITHM_ED25519;
	memcpy(text + n, key->public_key, ED25519_PUBLIC);
	digest_sha256(text, n + ED25519_PUBLIC, hash);
	memcpy(key->id, hash, CHECKPOINT_KEY_ID);
}

enum err checkpoint_signer_read(
	const char *log, const char *text, size_t len, struct checkpoint_signer *ret_signer)
{
	struct checkpoint_signer signer = {0};
	uint8_t seed[ED25519_SEED];
	size_t n = 0;
	const bool fits = checkpoint_name_fits(log) &&
			  digest_base64_decode(DIGEST_BASE64, text, len, seed, sizeof seed, &n) &&
			  n == sizeof seed;

	if (fits) {
		(void)snprintf(signer.key.log, sizeof signer.key.log, "%s", log);
		ed25519_from_seed(seed, signer.secret, signer.key.public_key);
		id_set(&signer.key);
		*ret_signer = signer;
	}
	digest_wipe(seed, sizeof seed);
	checkpoint_signer_clear(&signer);
	return fits ? ERR_OK : ERR_CONFIG;
}

void checkpoint_signer_clear(struct checkpoint_signer *signer)
{
	digest_wipe(signer, sizeof *signer);
}

void checkpoint_key_format(const struct checkpoint_key *key, char out[CHECKPOINT_KEY_TEXT_MAX])
{
	uint8_t bytes[1 + ED25519_PUBLIC] = {ALGORITHM_ED25519};
	char id[2 * CHECKPOINT_KEY_ID + 1];
	struct buf text;

	memcpy(bytes + 1, key->public_key, ED25519_PUBLIC);
	digest_hex(key->id, sizeof key->id, id);
	buf_init(&text, CHECKPOINT_KEY_TEXT_MAX);
	(void)digest_base64_append(&text, DIGEST_BASE64, bytes, sizeof bytes);
	(void)snprintf(out, CHECKPOINT_KEY_TEXT_MAX, "%s+%s+%s", key->log, id,
		text.bytes ? text.bytes : "");
	buf_clear(&text);
}

bool checkpoint_key_parse(const char *text, size_t len, struct checkpoint_key *ret_key)
{
	struct checkpoint_key key = {0};
	uint8_t bytes[1 + ED25519_PUBLIC];
	char id[2 * CHECKPOINT_KEY_ID + 1];
	const char *first = memchr(text, '+', len), *second;
	size_t name, n = 0;

	if (!first || (name = (size_t)(first - text)) >= sizeof key.log)
		return false;
	memcpy(key.log, text, name);
	second = first + sizeof id;
	if ((size_t)(second - text) >= len || *second != '+' || !checkpoint_name_fits(key.log) ||
		!digest_base64_decode(DIGEST_BASE64, second + 1, len - (size_t)(second + 1 - text),
			bytes, sizeof bytes, &n) ||
		n != sizeof bytes || bytes[0] != ALGORITHM_ED25519)
		return false;
	memcpy(key.public_key, bytes + 1, ED25519_PUBLIC);
	id_set(&key);
	digest_hex(key.id, sizeof key.id, id);
	if (memcmp(first + 1, id, sizeof id - 1) != 0)
		return false;
	*ret_key = key;
	return true;
}

/* ---- signing ---- */

static enum err text_write(const struct checkpoint *c, struct buf *out)
{
	char at[CLOCK_TEXT_MAX];

	clock_format(c->at_ms, at);
	(void)buf_printf(out, "%s\n%llu\n", c->log, (unsigned long long)c->tree.size);
	(void)digest_base64_append(
		out, DIGEST_BASE64, c->tree.root.bytes, sizeof c->tree.root.bytes);
	return buf_printf(out, "\n%s\n", at);
}

enum err checkpoint_sign(const struct checkpoint *checkpoint,
	const struct checkpoint_signer *signer, struct buf *out)
{
	uint8_t signed_by[CHECKPOINT_KEY_ID + ED25519_SIGNATURE];
	const size_t from = out->len;
	enum err e = text_write(checkpoint, out);

	if (e != ERR_OK)
		return e;
	memcpy(signed_by, signer->key.id, CHECKPOINT_KEY_ID);
	e = ed25519_sign(signer->secret, &(struct digest_part){out->bytes + from, out->len - from},
		1, signed_by + CHECKPOINT_KEY_ID);
	if (e != ERR_OK)
		return e;
	(void)buf_printf(out, "\n" DASH "%s ", signer->key.log);
	(void)digest_base64_append(out, DIGEST_BASE64, signed_by, sizeof signed_by);
	return buf_char(out, '\n');
}

/* ---- reading ---- */

struct line {
	const char *at;
	size_t len;
};

/* The next line, without its end; false when there is no whole one. */
static bool line_next(const char **at, const char *end, struct line *ret)
{
	const char *stop = memchr(*at, '\n', (size_t)(end - *at));

	if (!stop)
		return false;
	*ret = (struct line){*at, (size_t)(stop - *at)};
	*at = stop + 1;
	return true;
}

static bool text_take(const struct line lines[LINES], struct checkpoint *c)
{
	char number[NUMBER_DIGITS_MAX + 1], at[CLOCK_TEXT_MAX];
	size_t n = 0;

	if (lines[0].len >= sizeof c->log || lines[1].len == 0 ||
		lines[1].len > NUMBER_DIGITS_MAX || lines[3].len >= sizeof at)
		return false;
	memcpy(c->log, lines[0].at, lines[0].len);
	memcpy(number, lines[1].at, lines[1].len);
	number[lines[1].len] = '\0';
	memcpy(at, lines[3].at, lines[3].len);
	at[lines[3].len] = '\0';
	c->tree.size = strtoull(number, NULL, 10);
	return strspn(number, "0123456789") == lines[1].len && checkpoint_name_fits(c->log) &&
	       clock_parse(at, &c->at_ms) == 0 &&
	       digest_base64_decode(DIGEST_BASE64, lines[2].at, lines[2].len, c->tree.root.bytes,
		       sizeof c->tree.root.bytes, &n) &&
	       n == sizeof c->tree.root.bytes;
}

static const struct checkpoint_key *key_of(const struct checkpoint *c, const uint8_t *id,
	const struct checkpoint_key *keys, size_t keys_n)
{
	for (size_t i = 0; i < keys_n; i++)
		if (memcmp(keys[i].id, id, CHECKPOINT_KEY_ID) == 0 &&
			strcmp(keys[i].log, c->log) == 0)
			return &keys[i];
	return NULL;
}

static bool signature_take(const struct line *line, const char *log,
	uint8_t out[CHECKPOINT_KEY_ID + ED25519_SIGNATURE])
{
	const size_t before = strlen(DASH) + strlen(log) + 1;
	size_t n = 0;

	return line->len > before && memcmp(line->at, DASH, strlen(DASH)) == 0 &&
	       memcmp(line->at + strlen(DASH), log, strlen(log)) == 0 &&
	       line->at[before - 1] == ' ' &&
	       digest_base64_decode(DIGEST_BASE64, line->at + before, line->len - before, out,
		       CHECKPOINT_KEY_ID + ED25519_SIGNATURE, &n) &&
	       n == CHECKPOINT_KEY_ID + ED25519_SIGNATURE;
}

enum err checkpoint_read(const char *text, size_t len, const struct checkpoint_key *keys,
	size_t keys_n, struct checkpoint *ret_checkpoint)
{
	uint8_t signed_by[CHECKPOINT_KEY_ID + ED25519_SIGNATURE];
	const char *at = text, *end = text + len, *signed_end;
	struct line lines[LINES], line = {0};
	const struct checkpoint_key *key;
	struct checkpoint c = {0};
	size_t n = 0;

	while (n < LINES && line_next(&at, end, &lines[n]))
		n++;
	signed_end = at;
	if (n < LINES || !text_take(lines, &c) || !line_next(&at, end, &line) || line.len > 0 ||
		!line_next(&at, end, &line) || !signature_take(&line, c.log, signed_by))
		return ERR_INVALID_FIELD;
	key = key_of(&c, signed_by, keys, keys_n);
	if (!key || !ed25519_verify(key->public_key, text, (size_t)(signed_end - text),
			    signed_by + CHECKPOINT_KEY_ID))
		return ERR_FORBIDDEN;
	c.signed_by = (size_t)(key - keys);
	*ret_checkpoint = c;
	return ERR_OK;
}
