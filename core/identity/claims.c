#include "identity/claims.h"

#include "ground/digest.h"

#include <math.h>
#include <string.h>

static const double TIME_MAX = 253402300799.0; /* the last second of the year 9999 */

static bool text_read(const json_t *payload, const char *name, const char **ret)
{
	const json_t *value = json_object_get(payload, name);
	size_t len = json_string_length(value);

	*ret = json_string_value(value);
	return *ret && len > 0 && len <= CLAIMS_TEXT_MAX;
}

/* RFC 7519's NumericDate: seconds, perhaps with a fraction. */
static bool time_read(const json_t *payload, const char *name, int64_t *ret_s)
{
	const json_t *value = json_object_get(payload, name);
	double seconds = json_number_value(value);

	if (!json_is_number(value) || !isfinite(seconds) || seconds < 0 || seconds > TIME_MAX)
		return false;
	*ret_s = (int64_t)seconds;
	return true;
}

static bool scope_read(const json_t *payload, struct claims *c)
{
	const json_t *value = json_object_get(payload, "scope");

	c->has_scope = value != NULL;
	c->scope = value ? json_string_value(value) : "";
	return c->scope != NULL;
}

static bool is_id_token(const json_t *payload)
{
	static const char *const only_there[] = {"nonce", "at_hash", "c_hash", "s_hash"};

	for (size_t i = 0; i < sizeof only_there / sizeof *only_there; i++)
		if (json_object_get(payload, only_there[i]))
			return true;
	return false;
}

/* The first that is wrong. */
static void expect(enum fault *fault, bool good, enum fault wrong)
{
	if (!*fault && !good)
		*fault = wrong;
}

enum fault claims_read(const json_t *payload, struct claims *c)
{
	enum fault fault = FAULT_NONE;

	memset(c, 0, sizeof *c);
	expect(&fault, text_read(payload, "iss", &c->iss), FAULT_CLAIM);
	c->aud = json_object_get(payload, "aud");
	c->is_id_token = is_id_token(payload);
	expect(&fault, text_read(payload, "sub", &c->sub), FAULT_SUB);
	expect(&fault, text_read(payload, "jti", &c->jti), FAULT_JTI);
	expect(&fault, text_read(payload, "tenant", &c->tenant), FAULT_TENANT);
	expect(&fault, time_read(payload, "exp", &c->exp_s), FAULT_EXP);
	expect(&fault, time_read(payload, "iat", &c->iat_s), FAULT_IAT);
	expect(&fault, scope_read(payload, c), FAULT_SCOPE);
	if (json_object_get(payload, "nbf"))
		expect(&fault, time_read(payload, "nbf", &c->nbf_s), FAULT_NBF);
	return fault;
}

static enum fault audience_judge(const json_t *aud, const char *audience)
{
	size_t n = json_array_size(aud);
	bool found = false;

	if (json_is_string(aud))
		return strcmp(json_string_value(aud), audience) == 0 ? FAULT_NONE : FAULT_AUDIENCE;
	if (!json_is_array(aud) || n > CLAIMS_AUDIENCES_MAX)
		return FAULT_AUD;
	for (size_t i = 0; i < n; i++) {
		const char *one = json_string_value(json_array_get(aud, i));

		if (!one)
			return FAULT_AUD;
		found |= strcmp(one, audience) == 0;
	}
	return found ? FAULT_NONE : FAULT_AUDIENCE;
}

static enum fault time_judge(const struct claims *c, int64_t now_s)
{
	if (c->exp_s < c->iat_s || c->exp_s - c->iat_s > CLAIMS_LIFE_MAX_S)
		return FAULT_LIFE;
	if (now_s >= c->exp_s + CLAIMS_LEEWAY_S)
		return FAULT_EXPIRED;
	if (c->iat_s > now_s + CLAIMS_LEEWAY_S || c->nbf_s > now_s + CLAIMS_LEEWAY_S)
		return FAULT_EARLY;
	return FAULT_NONE;
}

enum fault claims_judge(const struct claims *c, const char *audience, int64_t now_s)
{
	enum fault fault = c->is_id_token ? FAULT_PURPOSE : audience_judge(c->aud, audience);

	return fault ? fault : time_judge(c, now_s);
}

void claims_words(const char *text, void (*fn)(void *ctx, const char *word, size_t len), void *ctx)
{
	while (*text) {
		size_t len = strcspn(text, " ");

		if (len)
			fn(ctx, text, len);
		text += len + (text[len] == ' ');
	}
}

struct id claims_id(const char *what, struct id issuer, const char *text)
{
	static const uint8_t key[] = "longhaul names of others";
	const struct digest_part parts[] = {{what, strlen(what) + 1},
		{issuer.bytes, sizeof issuer.bytes}, {text, strlen(text)}};
	uint8_t hash[DIGEST_SIZE];
	struct id id;

	digest_hmac(key, sizeof key, parts, sizeof parts / sizeof *parts, hash);
	memcpy(id.bytes, hash, sizeof id.bytes);
	id.bytes[6] = (uint8_t)((id.bytes[6] & 0x0f) | 0x80);
	id.bytes[8] = (uint8_t)((id.bytes[8] & 0x3f) | 0x80);
	return id;
}
