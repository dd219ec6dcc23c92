/* Vectors in Wycheproof's JSON form: ours, and with LONGHAUL_JWS_VECTORS another file of that form.
 */
#include "identity/jwk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "ground/digest.h"

#include <stdio.h>

enum { TEXT_MAX = 4 << 20, DEPTH = 16, ALL = (1 << JWS_ALG_COUNT_) - 1 };

static json_t *vectors_read(const char *path)
{
	FILE *file = fopen(path, "re");
	struct problems problems = {.n = 0};
	json_t *vectors = NULL;
	struct buf text;

	assert_non_null(file);
	buf_init(&text, TEXT_MAX);
	assert_int_equal(buf_reserve(&text, TEXT_MAX - 1), ERR_OK);
	text.len = fread(text.bytes, 1, TEXT_MAX - 1, file);
	(void)fclose(file);
	assert_int_equal(json_read(text.bytes, text.len, DEPTH, &problems, &vectors), ERR_OK);
	buf_clear(&text);
	return vectors;
}

static const char *text_of(const json_t *object, const char *name)
{
	const char *text = json_string_value(json_object_get(object, name));

	return text != NULL ? text : "";
}

/* Groups of others name keys in other ways; what we do not speak is passed over. */
static bool key_read(const json_t *group, struct jwk *key)
{
	json_t *jwk = json_object_get(group, "public");
	uint8_t secret[JWK_SECRET_MAX];
	const char *k;
	size_t len;

	if (jwk == NULL)
		jwk = json_object_get(group, "private");
	if (*text_of(jwk, "kid") == '\0')
		json_object_set_new(jwk, "kid", json_string("k"));
	k = text_of(jwk, "k");
	if (strcmp(text_of(jwk, "kty"), "oct") == 0)
		return strcmp(text_of(jwk, "alg"), "HS256") == 0 &&
		       digest_base64_decode(
			       DIGEST_BASE64_URL, k, strlen(k), secret, sizeof(secret), &len) &&
		       jwk_secret(text_of(jwk, "kid"), secret, len, key) == ERR_OK;
	return jwk_read(jwk, ALL, key) == ERR_OK;
}

/* A token's payload is decoded once its signature is known to be good (jws_payload_read); vectors
 * have payloads that are no JSON, so only that step's spelling is asked for here. */
static bool payload_is_spelt(const char *text)
{
	const char *from = strchr(text, '.') + 1;
	char bytes[JWS_BYTES_MAX];
	size_t len;

	return digest_base64_decode(
		DIGEST_BASE64_URL, from, strcspn(from, "."), bytes, sizeof(bytes), &len);
}

static bool is_good(const struct jwk *key, const char *text)
{
	struct jws jws;

	return jws_read(text, strlen(text), &jws) == FAULT_NONE && jwk_verify(key, &jws) &&
	       payload_is_spelt(text);
}

/* Vectors of Wycheproof's of which we think otherwise. */
static bool is_disputed(const char *comment)
{
	static const char *const disputed[] = {
		"emptyPayload", /* said to be valid: no token is without claims */
		"Figure20",	/* valid: its alg is not its key's */
		"InvalidCharacterInsertedInHeader", /* valid: no, it is passed over by some */
		"InvalidCharacterInsertedInPayload",
		"invalidBase64Padding", /* said to be invalid: the padding is not in the file */
		"invalidBase64PaddingInPayload",
	};

	for (size_t i = 0; i < sizeof(disputed) / sizeof(*disputed); i++)
		if (strcmp(comment, disputed[i]) == 0)
			return true;
	return false;
}

static size_t group_run(const json_t *group)
{
	const json_t *tests = json_object_get(group, "tests"), *test;
	struct jwk key;
	size_t i;

	if (!key_read(group, &key))
		return 0;
	json_array_foreach(tests, i, test)
	{
		const char *result = text_of(test, "result");
		bool good = is_good(&key, text_of(test, "jws"));

		/* "acceptable" is left to the verifier */
		if (is_disputed(text_of(test, "comment")))
			continue;
		if ((strcmp(result, "valid") == 0 && !good) ||
			(strcmp(result, "invalid") == 0 && good))
			fail_msg("%s: %s: %s, and we said %s", text_of(group, "comment"),
				text_of(test, "comment"), result, good ? "good" : "no");
	}
	jwk_clear(&key);
	return i;
}

static size_t file_run(const char *path)
{
	json_t *vectors = vectors_read(path), *group;
	size_t i, n = 0;

	json_array_foreach(json_object_get(vectors, "testGroups"), i, group) n += group_run(group);
	json_decref(vectors);
	return n;
}

/* promises: S1.1 */
static void test_vectors_are_judged_as_they_say(void **state)
{
	const char *others = getenv("LONGHAUL_JWS_VECTORS");

	assert_true(file_run("test/vectors/jws.json") >= 80);
	if (others != NULL)
		assert_true(file_run(others) > 0);
}

static const struct {
	const char *key;
	enum err err;
} keys[] = {
	{"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\","
	 "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
		ERR_OK},
	{"{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
	 "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
		ERR_NOT_FOUND},
	{"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"x\":\"AAAA\"}", ERR_INVALID_FIELD},
	{"{\"kty\":\"OKP\",\"crv\":\"X25519\",\"kid\":\"k\",\"x\":\"AAAA\"}", ERR_NOT_FOUND},
	{"{\"kty\":\"oct\",\"kid\":\"k\",\"alg\":\"HS256\","
	 "\"k\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
		ERR_NOT_FOUND},
	{"{\"kty\":\"EC\",\"crv\":\"P-521\",\"kid\":\"k\"}", ERR_NOT_FOUND},
	{"{\"kty\":\"EC\",\"crv\":\"P-256\",\"kid\":\"k\",\"alg\":\"ES384\"}", ERR_NOT_FOUND},
	{"{\"kty\":\"RSA\",\"kid\":\"k\",\"n\":\"AQAB\",\"e\":\"AQAB\"}", ERR_INVALID_FIELD},
	{"{\"kty\":\"RSA\",\"kid\":\"k\",\"use\":\"enc\",\"n\":\"AQAB\",\"e\":\"AQAB\"}",
		ERR_NOT_FOUND},
	{"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"key_ops\":[\"sign\",\"encrypt\"],"
	 "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
		ERR_NOT_FOUND},
	{"{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"kid\":\"k\",\"key_ops\":[\"sign\",\"verify\"],"
	 "\"x\":\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}",
		ERR_OK},
	{"[]", ERR_NOT_FOUND},
};

/* promises: S1.1 */
static void test_keys_are_sound_or_none(void **state)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(*keys); i++) {
		struct problems p = {.n = 0};
		struct jwk key;
		json_t *object;

		assert_int_equal(
			json_read(keys[i].key, strlen(keys[i].key), 4, &p, &object), ERR_OK);
		assert_int_equal(jwk_read(object, ALL, &key), keys[i].err);
		if (keys[i].err == ERR_OK)
			jwk_clear(&key);
		json_decref(object);
	}
}

/* promises: S1.1 */
static void test_a_secret_has_thirty_two_bytes(void **state)
{
	static const char secret[] = "0123456789abcdef0123456789abcdef";
	struct jwk key;

	assert_int_equal(jwk_secret("k", secret, 31, &key), ERR_INVALID_FIELD);
	assert_int_equal(jwk_secret("", secret, 32, &key), ERR_INVALID_FIELD);
	assert_int_equal(jwk_secret("k", secret, 32, &key), ERR_OK);
	jwk_clear(&key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors_are_judged_as_they_say),
		cmocka_unit_test(test_keys_are_sound_or_none),
		cmocka_unit_test(test_a_secret_has_thirty_two_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
