/* Whatever is read as a token is one: its parts lie in the text, spelt in the only way that there
 * is; no key that is not the signer's verifies it. Key sets are bounded. */
#include "identity/claims.h"
#include "identity/jwk.h"
#include "identity/token.h"

#include "ground/digest.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

enum { ALL = (1 << JWS_ALG_COUNT_) - 1 };

/* Encoding the signature again gives the same characters: no second spelling was taken. */
static void check_spelling(const struct jws *jws, const char *text, size_t len)
{
	struct buf again;

	buf_init(&again, JWS_BYTES_MAX);
	if (digest_base64_append(&again, DIGEST_BASE64_URL, jws->signature, jws->signature_len))
		abort();
	if (jws->signed_len + 1 + again.len != len ||
		memcmp(text + len - again.len, again.bytes, again.len) != 0)
		abort();
	buf_clear(&again);
}

static void check_claims(const json_t *payload)
{
	struct token_extra extra;
	struct claims claims;

	if (claims_read(payload, &claims) == FAULT_NONE) {
		if (!*claims.iss || !*claims.sub || claims.exp_s < 0 || claims.iat_s < 0)
			abort();
		(void)claims_judge(&claims, "longhaul", 1800000000);
	}
	(void)token_extra_read(payload, &extra);
}

static void check_token(const char *text, size_t len)
{
	struct jwk key = {.alg = JWS_EDDSA, .ed25519 = {1}};
	struct jws jws;

	if (jws_read(text, len, &jws) != FAULT_NONE)
		return;
	if (len > JWS_BYTES_MAX || strlen(jws.kid) > JWS_KID_MAX)
		abort();
	check_spelling(&jws, text, len);
	if (jwk_verify(&key, &jws))
		abort();
	if (jws_payload_read(&jws) == FAULT_NONE)
		check_claims(jws.payload);
	jws_clear(&jws);
}

static void check_set(const char *text, size_t len)
{
	struct jwk_set *set;

	if (jwk_set_read(text, len, ALL, &set) != ERR_OK)
		return;
	if (set->n > JWK_SET_MAX)
		abort();
	for (size_t i = 0; i < set->n; i++)
		if (jwk_set_find(set, set->keys[i].kid) != &set->keys[i])
			abort();
	jwk_set_release(set);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (len > 0 && bytes[0] == '{')
		check_set((const char *)bytes, len);
	else
		check_token((const char *)bytes, len);
	return 0;
}
