#include "identity/token.h"

#include <string.h>

enum { TEXT_MAX = 6144 };

/* ---- writing ---- */

static void member(struct buf *b, const char *name, const char *value)
{
	(void)buf_printf(b, ",\"%s\":", name);
	(void)buf_json(b, value, strlen(value));
}

static void member_id(struct buf *b, const char *name, const char *prefix, struct id id)
{
	char text[ID_TEXT_MAX];

	if (id_is_zero(id))
		return;
	id_format(prefix, id, text);
	member(b, name, text);
}

static void member_sources(struct buf *b, const struct id sources[TOKEN_SOURCES_MAX])
{
	char text[ID_TEXT_MAX];

	if (id_is_zero(sources[0]))
		return;
	(void)buf_text(b, ",\"from\":[");
	for (size_t i = 0; i < TOKEN_SOURCES_MAX && !id_is_zero(sources[i]); i++) {
		id_format(TOKEN_JTI, sources[i], text);
		(void)buf_printf(b, "%s\"%s\"", i ? "," : "", text);
	}
	(void)buf_char(b, ']');
}

static enum err payload_write(const struct token_grant *g, struct buf *b)
{
	char at[2 * sizeof g->address + 1];
	enum err e = ERR_OK;

	digest_hex(g->address, sizeof g->address, at);
	(void)buf_printf(
		b, "{\"iat\":%lld,\"exp\":%lld", (long long)g->issued_s, (long long)g->expires_s);
	member(b, "iss", g->issuer);
	member(b, "aud", g->audience);
	member(b, "sub", g->sub);
	member_id(b, "jti", TOKEN_JTI, g->jti);
	member_id(b, "tenant", "tnt", g->tenant);
	member_id(b, "key", "key", g->key);
	member_id(b, "family", TOKEN_FAMILY, g->family);
	member_sources(b, g->sources);
	member_id(b, "via", TOKEN_VIA, g->via);
	member(b, "at", at);
	if (g->since_ms)
		(void)buf_printf(b, ",\"since\":%lld", (long long)g->since_ms);
	if (g->scope)
		member(b, "scope", g->scope);
	if (g->roles) {
		(void)buf_text(b, ",\"roles\":");
		e = json_write(g->roles, b);
	}
	(void)buf_char(b, '}');
	return e ? e : buf_err(b);
}

static enum err header_write(const struct token_key *key, struct buf *b)
{
	char kid[ID_TEXT_MAX];

	id_format(TOKEN_KID, key->id, kid);
	return buf_printf(b, "{\"alg\":\"EdDSA\",\"typ\":\"at+jwt\",\"kid\":\"%s\"}", kid);
}

enum err token_sign(const struct token_grant *grant, const struct token_key *key, struct buf *out)
{
	uint8_t signature[ED25519_SIGNATURE];
	struct buf header, payload;
	const size_t start = out->len;
	enum err e;

	buf_init(&header, TEXT_MAX);
	buf_init(&payload, TEXT_MAX);
	e = header_write(key, &header);
	if (!e)
		e = payload_write(grant, &payload);
	if (!e)
		e = digest_base64_append(out, DIGEST_BASE64_URL, header.bytes, header.len);
	if (!e)
		e = buf_char(out, '.');
	if (!e)
		e = digest_base64_append(out, DIGEST_BASE64_URL, payload.bytes, payload.len);
	if (!e) {
		const struct digest_part part = {out->bytes + start, out->len - start};

		e = ed25519_sign(key->secret, &part, 1, signature);
	}
	if (!e)
		e = buf_char(out, '.');
	if (!e)
		e = digest_base64_append(out, DIGEST_BASE64_URL, signature, sizeof signature);
	buf_clear(&header);
	buf_clear(&payload);
	return e;
}

enum err token_key_publish(const struct token_key *key, struct buf *out)
{
	char kid[ID_TEXT_MAX];

	id_format(TOKEN_KID, key->id, kid);
	(void)buf_printf(out,
		"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"use\":\"sig\",\"alg\":\"EdDSA\","
		"\"kid\":\"%s\",\"x\":\"",
		kid);
	(void)digest_base64_append(out, DIGEST_BASE64_URL, key->public_key, sizeof key->public_key);
	(void)buf_text(out, "\"}");
	return buf_err(out);
}

/* ---- reading ---- */

static bool id_read(const json_t *payload, const char *name, const char *prefix, struct id *ret)
{
	const json_t *value = json_object_get(payload, name);

	return !value || (json_is_string(value) && id_parse(prefix, json_string_value(value), ret));
}

static bool address_read(const json_t *payload, struct token_extra *extra)
{
	const json_t *value = json_object_get(payload, "at");

	extra->has_address = value != NULL;
	return !value || (json_string_length(value) == 2 * sizeof extra->address &&
				 digest_unhex(json_string_value(value), extra->address,
					 sizeof extra->address));
}

/* One that cannot be read is no token of ours: it might be the one that was revoked. */
static bool sources_read(const json_t *payload, struct id sources[TOKEN_SOURCES_MAX])
{
	const json_t *list = json_object_get(payload, "from");
	const size_t n = json_array_size(list);

	if (list && (!json_is_array(list) || n > TOKEN_SOURCES_MAX))
		return false;
	for (size_t i = 0; i < n; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		if (!text || !id_parse(TOKEN_JTI, text, &sources[i]) || id_is_zero(sources[i]))
			return false;
	}
	return true;
}

static bool since_read(const json_t *payload, struct token_extra *extra)
{
	const json_t *value = json_object_get(payload, "since");
	const int64_t given_ms = id_ms(extra->jti);
	const int64_t since_ms = value ? json_integer_value(value) : given_ms;

	extra->since_ms = since_ms < given_ms ? since_ms : given_ms;
	return !value || (json_is_integer(value) && since_ms > 0);
}

enum fault token_extra_read(const json_t *payload, struct token_extra *extra)
{
	const json_t *roles = json_object_get(payload, "roles");

	memset(extra, 0, sizeof *extra);
	extra->roles = roles;
	if (!id_read(payload, "jti", TOKEN_JTI, &extra->jti) || id_is_zero(extra->jti) ||
		!id_read(payload, "key", "key", &extra->key) ||
		!id_read(payload, "family", TOKEN_FAMILY, &extra->family) ||
		!id_read(payload, "via", TOKEN_VIA, &extra->via) ||
		!sources_read(payload, extra->sources) || !address_read(payload, extra) ||
		!since_read(payload, extra) || (roles && !json_is_array(roles)))
		return FAULT_CLAIM;
	return FAULT_NONE;
}
