/* What is signed is read back as it was; refresh tokens are spelt in one way. */
#include "identity/jwk.h"
#include "identity/refresh_token.h"
#include "identity/token.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { NOW_S = 1800000000 };
#define TOK "\"tok_01h455vb4pex5vsknk084sn02q\""

static struct token_grant grant(json_t *roles)
{
	struct token_grant g = {.issuer = "longhaul \"quoted\"",
		.audience = "longhaul",
		.jti = id_new(0),
		.tenant = id_new(0),
		.sub = "key_01h455vb4pex5vsknk084sn02q",
		.roles = roles,
		.scope = "job:read job:submit",
		.key = id_new(0),
		.via = id_new(0),
		.since_ms = 1700000000001,
		.sources = {id_new(0), id_new(0)},
		.issued_s = NOW_S,
		.expires_s = NOW_S + 600};

	memcpy(g.address, (uint8_t[16]){[10] = 0xff, 0xff, 10, 1, 2, 3}, sizeof(g.address));
	return g;
}

/* promises: S1.1 */
static void test_a_token_is_read_back_as_it_was(void **state)
{
	json_t *roles = json_pack("[s,s]", "submitter", "reader");
	struct token_grant g = grant(roles);
	struct token_key key = {.id = id_new(0)};
	struct jwk jwk = {.alg = JWS_EDDSA};
	struct token_extra extra;
	struct claims claims;
	struct buf text;
	struct jws jws;

	ed25519_new(key.secret, key.public_key);
	memcpy(jwk.ed25519, key.public_key, sizeof(jwk.ed25519));
	buf_init(&text, JWS_BYTES_MAX);
	assert_int_equal(token_sign(&g, &key, &text), ERR_OK);
	assert_int_equal(jws_read(text.bytes, text.len, &jws), FAULT_NONE);
	assert_int_equal(jws.type, JWS_TYPE_ACCESS);
	assert_true(jwk_verify(&jwk, &jws));
	assert_int_equal(jws_payload_read(&jws), FAULT_NONE);
	assert_int_equal(claims_read(jws.payload, &claims), FAULT_NONE);
	assert_string_equal(claims.iss, g.issuer);
	assert_string_equal(claims.sub, g.sub);
	assert_string_equal(claims.scope, g.scope);
	assert_int_equal(claims_judge(&claims, "longhaul", NOW_S), FAULT_NONE);
	assert_int_equal(token_extra_read(jws.payload, &extra), FAULT_NONE);
	assert_true(id_equal(extra.jti, g.jti) && id_equal(extra.key, g.key));
	assert_true(id_is_zero(extra.family) && extra.has_address);
	assert_true(id_equal(extra.via, g.via));
	assert_int_equal(extra.since_ms, g.since_ms);
	assert_memory_equal(extra.sources, g.sources, sizeof(g.sources));
	assert_memory_equal(extra.address, g.address, sizeof(g.address));
	assert_int_equal(json_array_size(extra.roles), 2);
	jws_clear(&jws);
	text.bytes[text.len - 10] ^= 1;
	assert_true(jws_read(text.bytes, text.len, &jws) != FAULT_NONE || !jwk_verify(&jwk, &jws));
	buf_clear(&text);
	json_decref(roles);
}

/* Whoever cannot tell where a token comes from cannot tell whether it was revoked. promises: S1.1
 */
static void test_sources_that_cannot_be_read_are_a_refusal(void **state)
{
	static const char five[] = "[" TOK "," TOK "," TOK "," TOK "," TOK "]";
	static const char *const bent[] = {TOK, "{}", "[1]", "[\"usr_01h455vb4pex5vsknk084sn02q\"]",
		"[\"tok_00000000000000000000000000\"]", five};
	struct token_extra extra;

	for (size_t i = 0; i < sizeof(bent) / sizeof(*bent); i++) {
		json_t *from = json_loads(bent[i], JSON_DECODE_ANY, NULL);
		json_t *payload = json_pack(
			"{s:s, s:o}", "jti", "tok_01h455vb4pex5vsknk084sn02q", "from", from);

		assert_non_null(payload);
		if (token_extra_read(payload, &extra) != FAULT_CLAIM)
			fail_msg("%s", bent[i]);
		json_decref(payload);
	}
}

static const struct {
	int64_t now_s;
	enum fault fault;
} moments[] = {{NOW_S - 61, FAULT_EARLY}, {NOW_S - 60, FAULT_NONE}, {NOW_S + 600, FAULT_NONE},
	{NOW_S + 659, FAULT_NONE}, {NOW_S + 660, FAULT_EXPIRED}, {INT64_MAX / 2, FAULT_EXPIRED}};

/* promises: S1.1 */
static void test_a_minute_of_leeway_and_no_second_more(void **state)
{
	const struct claims base = {.iat_s = NOW_S, .exp_s = NOW_S + 600};
	json_t *aud = json_string("longhaul");

	for (size_t i = 0; i < sizeof(moments) / sizeof(*moments); i++) {
		struct claims claims = base;

		claims.aud = aud;
		assert_int_equal(
			claims_judge(&claims, "longhaul", moments[i].now_s), moments[i].fault);
	}
	json_decref(aud);
}

/* promises: S1.1 */
static void test_names_of_others_are_told_apart(void **state)
{
	const struct id one = id_new(0), two = id_new(0);
	const struct id ada = claims_id("sub", one, "ada");

	assert_true(id_equal(ada, claims_id("sub", one, "ada")));
	assert_false(id_equal(ada, claims_id("sub", two, "ada")));
	assert_false(id_equal(ada, claims_id("sub", one, "bob")));
	assert_false(id_equal(ada, claims_id("jti", one, "ada")));
	assert_int_equal(ada.bytes[6] >> 4, 8);
}

/* promises: S1.1 */
static void test_refresh_tokens_are_spelt_in_one_way(void **state)
{
	const struct id tenant = id_new(0);
	char text[REFRESH_TOKEN_MAX], bent[REFRESH_TOKEN_MAX + 1];
	struct id read;

	refresh_token_new(tenant, text);
	assert_true(refresh_token_read(text, &read));
	assert_true(id_equal(read, tenant));
	for (size_t i = 0; i < REFRESH_TOKEN_LEN; i++) {
		memcpy(bent, text, sizeof(text));
		bent[i] = bent[i] == '0' ? '1' : '0';
		assert_false(refresh_token_read(bent, &read));
	}
	memcpy(bent, text, sizeof(text));
	bent[REFRESH_TOKEN_LEN] = 'a';
	bent[REFRESH_TOKEN_LEN + 1] = '\0';
	assert_false(refresh_token_read(bent, &read));
	assert_false(refresh_token_read("", &read));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_token_is_read_back_as_it_was),
		cmocka_unit_test(test_sources_that_cannot_be_read_are_a_refusal),
		cmocka_unit_test(test_a_minute_of_leeway_and_no_second_more),
		cmocka_unit_test(test_names_of_others_are_told_apart),
		cmocka_unit_test(test_refresh_tokens_are_spelt_in_one_way),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
