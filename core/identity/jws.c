#include "identity/jws.h"

#include "ground/digest.h"

#include <string.h>

/* ---- algorithms ---- */

#define ALG_TEXT(name, text) text,
static const char *const alg_texts[] = {JWS_ALGS(ALG_TEXT)};
#undef ALG_TEXT

const char *jws_alg_text(enum jws_alg alg)
{
	return alg_texts[alg];
}

bool jws_alg_parse(const char *text, enum jws_alg *ret_alg)
{
	for (int i = 0; text && i < JWS_ALG_COUNT_; i++)
		if (strcmp(text, alg_texts[i]) == 0) {
			*ret_alg = (enum jws_alg)i;
			return true;
		}
	return false;
}

/* ---- parts ---- */

struct part {
	const char *text;
	size_t len;
};

static bool parts_split(const char *text, size_t len, struct part parts[3])
{
	const char *one = memchr(text, '.', len);
	const char *end = text + len;
	const char *two = one ? memchr(one + 1, '.', (size_t)(end - one - 1)) : NULL;

	if (!two || memchr(two + 1, '.', (size_t)(end - two - 1)))
		return false;
	parts[0] = (struct part){text, (size_t)(one - text)};
	parts[1] = (struct part){one + 1, (size_t)(two - one - 1)};
	parts[2] = (struct part){two + 1, (size_t)(end - two - 1)};
	return parts[0].len && parts[1].len && parts[2].len;
}

static enum fault object_read(const struct part *part, json_t **ret_object)
{
	char bytes[JWS_BYTES_MAX];
	struct problems p = {0};
	json_t *value = NULL;
	size_t len;
	enum err e;

	if (!digest_base64_decode(
		    DIGEST_BASE64_URL, part->text, part->len, bytes, sizeof bytes, &len))
		return FAULT_MALFORMED;
	e = json_read(bytes, len, JWS_DEPTH_MAX, &p, &value);
	if (e == ERR_NOMEM)
		return FAULT_NOMEM;
	if (e || !json_is_object(value)) {
		json_decref(value);
		return FAULT_MALFORMED;
	}
	*ret_object = value;
	return FAULT_NONE;
}

/* ---- header ---- */

static bool kid_read(const json_t *header, char kid[JWS_KID_MAX + 1])
{
	const json_t *value = json_object_get(header, "kid");
	const char *text = json_string_value(value);
	size_t len = json_string_length(value);

	kid[0] = '\0';
	if (!value)
		return true;
	if (!text || len == 0 || len > JWS_KID_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (text[i] < '!' || text[i] > '~')
			return false;
	memcpy(kid, text, len + 1);
	return true;
}

/* RFC 7515, 4.1.9: application/ may be left out. Its case does not count. */
static bool type_read(const json_t *header, enum jws_type *ret_type)
{
	static const struct {
		const char *text;
		enum jws_type type;
	} types[] = {{"JWT", JWS_TYPE_JWT}, {"at+jwt", JWS_TYPE_ACCESS},
		{"application/at+jwt", JWS_TYPE_ACCESS}};
	const json_t *value = json_object_get(header, "typ");

	if (!value) {
		*ret_type = JWS_TYPE_NONE;
		return true;
	}
	for (size_t i = 0; json_is_string(value) && i < sizeof types / sizeof *types; i++)
		if (strcasecmp(json_string_value(value), types[i].text) == 0) {
			*ret_type = types[i].type;
			return true;
		}
	return false;
}

static enum fault header_read(const json_t *header, struct jws *jws)
{
	if (json_object_get(header, "crit") || json_object_get(header, "b64"))
		return FAULT_REFUSED;
	if (!jws_alg_parse(json_string_value(json_object_get(header, "alg")), &jws->alg))
		return FAULT_REFUSED;
	if (!kid_read(header, jws->kid) || !type_read(header, &jws->type))
		return FAULT_REFUSED;
	return FAULT_NONE;
}

/* ---- all of it ---- */

enum fault jws_read(const char *text, size_t len, struct jws *ret_jws)
{
	struct part parts[3];
	json_t *header = NULL;
	enum fault fault;

	if (len > JWS_BYTES_MAX || !parts_split(text, len, parts))
		return FAULT_MALFORMED;
	if (!digest_base64_decode(DIGEST_BASE64_URL, parts[2].text, parts[2].len,
		    ret_jws->signature, sizeof ret_jws->signature, &ret_jws->signature_len))
		return FAULT_MALFORMED;
	fault = object_read(&parts[0], &header);
	if (!fault)
		fault = header_read(header, ret_jws);
	json_decref(header);
	ret_jws->payload = NULL;
	ret_jws->signed_text = text;
	ret_jws->signed_len = parts[0].len + 1 + parts[1].len;
	return fault;
}

enum fault jws_payload_read(struct jws *jws)
{
	const char *dot = memchr(jws->signed_text, '.', jws->signed_len);
	const struct part part = {dot + 1, jws->signed_len - (size_t)(dot + 1 - jws->signed_text)};

	return object_read(&part, &jws->payload);
}

void jws_clear(struct jws *jws)
{
	json_decref(jws->payload);
	jws->payload = NULL;
}
