/* Known answers, and texts that decode in one way only. */
#include "ground/apikey.h"
#include "ground/digest.h"
#include "ground/ed25519.h"
#include "ground/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void assert_hex(const uint8_t *bytes, size_t len, const char *expected)
{
	char text[200];

	digest_hex(bytes, len, text);
	assert_string_equal(text, expected);
}

static void test_sha256_answers_as_fips_180_says(void **state)
{
	uint8_t out[DIGEST_SIZE];

	digest_sha256("abc", 3, out);
	assert_hex(out, sizeof(out),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	digest_sha256("", 0, out);
	assert_hex(out, sizeof(out),
		"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}

static void test_hmac_answers_as_rfc_4231_says(void **state)
{
	const struct digest_part parts[] = {{"what do ya want ", 16}, {"for nothing?", 12}};
	uint8_t out[DIGEST_SIZE];

	digest_hmac("Jefe", 4, parts, 2, out);
	assert_hex(out, sizeof(out),
		"5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* The first vectors of 128 bits in the reference implementation: key 00 .. 0f. */
static void test_short_digests_follow_siphash(void **state)
{
	static const uint8_t key[DIGEST_SHORT_KEY] = {
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	uint8_t out[DIGEST_SHORT];

	digest_short(key, "", 0, out);
	assert_hex(out, sizeof(out), "a3817f04ba25a8e66df67214c7550293");
	digest_short(key, "\0", 1, out);
	assert_hex(out, sizeof(out), "da87c1d86b99af44347659119b22fc45");
}

static void test_base64_goes_and_comes_back(void **state)
{
	for (size_t len = 0; len < 100; len++) {
		for (int form = DIGEST_BASE64; form <= DIGEST_BASE64_URL; form++) {
			uint8_t bytes[100], back[100];
			struct buf text;
			size_t n = 0;

			digest_random(bytes, len);
			buf_init(&text, 1000);
			assert_int_equal(
				digest_base64_append(&text, (enum digest_base64)form, bytes, len),
				0);
			assert_true(digest_base64_decode((enum digest_base64)form,
				text.bytes != NULL ? text.bytes : "", text.len, back, sizeof(back),
				&n));
			assert_int_equal(n, len);
			assert_memory_equal(bytes, back, len);
			buf_clear(&text);
		}
	}
}

static void test_base64_has_one_spelling(void **state)
{
	static const char *const wrong[] = {
		"Zg", "Zg=", "Zg==\n", "Zh==", "Z g==", "Zg==Zg==", "_w==", "====", "Zg==="};
	uint8_t out[16];
	size_t n;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(digest_base64_decode(
			DIGEST_BASE64, wrong[i], strlen(wrong[i]), out, sizeof(out), &n));
	assert_false(digest_base64_decode(DIGEST_BASE64, "Zm9v\xff\xff\xff\xff", 8, out, 6, &n));
	assert_false(digest_base64_decode(DIGEST_BASE64_URL, "Zg==", 4, out, sizeof(out), &n));
	assert_false(digest_base64_decode(DIGEST_BASE64, "Zm9vYmFy", 8, out, 5, &n));
	assert_true(digest_base64_decode(DIGEST_BASE64, "Zm9vYmFy", 8, out, 6, &n));
}

static void test_hex_takes_all_or_nothing(void **state)
{
	uint8_t out[2];

	assert_true(digest_unhex("aB01", out, 2));
	assert_int_equal(out[0], 0xab);
	assert_false(digest_unhex("ab0", out, 2));
	assert_false(digest_unhex("ab011", out, 2));
	assert_false(digest_unhex("ab0g", out, 2));
	assert_false(digest_unhex("", out, 2));
}

static void test_an_api_key_is_found_out_when_a_digit_is_wrong(void **state)
{
	char key[APIKEY_TEXT_MAX];
	uint8_t one[DIGEST_SIZE], two[DIGEST_SIZE];

	apikey_new(key);
	assert_int_equal(strlen(key), APIKEY_LEN);
	assert_true(apikey_spelt(key, APIKEY_LEN));
	apikey_hash(key, APIKEY_LEN, one);
	for (size_t i = 0; i < APIKEY_LEN; i++) {
		char was = key[i];

		key[i] = was == '7' ? '8' : '7';
		assert_false(apikey_spelt(key, APIKEY_LEN));
		apikey_hash(key, APIKEY_LEN, two);
		assert_false(digest_equal(one, two, sizeof(one)));
		key[i] = was;
	}
	assert_false(apikey_spelt(key, APIKEY_LEN - 1));
	assert_false(apikey_spelt("", 0));
}

/* RFC 8032, 7.1, test 2. */
static void test_ed25519_answers_as_rfc_8032_says(void **state)
{
	uint8_t secret[ED25519_SECRET];
	uint8_t signature[ED25519_SIGNATURE];
	const struct digest_part part = {"\x72", 1};

	assert_true(digest_unhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"
				 "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
		secret, sizeof(secret)));
	assert_true(ed25519_secret_fits(secret));
	assert_int_equal(ed25519_sign(secret, &part, 1, signature), ERR_OK);
	assert_hex(signature, sizeof(signature),
		"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
		"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00");
	assert_true(ed25519_verify(secret + ED25519_SEED, "\x72", 1, signature));
	signature[3] ^= 1;
	assert_false(ed25519_verify(secret + ED25519_SEED, "\x72", 1, signature));
	secret[40] ^= 1;
	assert_false(ed25519_secret_fits(secret));
}

static void test_utf8_accepts_what_unicode_does_and_nothing_else(void **state)
{
	static const char *const right[] = {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
		"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf"};
	static const char *const wrong[] = {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xe0\x9f\xbf",
		"\xe0\xa0", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80", "\xff", "\xe1\x80\xc0", "\xf1\x80\x80"};

	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++)
		assert_true(utf8_valid(right[i], strlen(right[i])));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(utf8_valid(wrong[i], strlen(wrong[i])));
	assert_true(utf8_valid("a\0b", 3));
	assert_int_equal(utf8_count("a\xc3\xa9\xf0\x9f\x98\x80", 7), 3);
	assert_int_equal(utf8_cut("a\xc3\xa9", 3, 2), 1);
	assert_int_equal(utf8_cut("a\xc3\xa9", 3, 3), 3);
	assert_int_equal(utf8_cut("\xf0\x9f\x98\x80", 4, 3), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256_answers_as_fips_180_says),
		cmocka_unit_test(test_hmac_answers_as_rfc_4231_says),
		cmocka_unit_test(test_short_digests_follow_siphash),
		cmocka_unit_test(test_base64_goes_and_comes_back),
		cmocka_unit_test(test_base64_has_one_spelling),
		cmocka_unit_test(test_hex_takes_all_or_nothing),
		cmocka_unit_test(test_an_api_key_is_found_out_when_a_digit_is_wrong),
		cmocka_unit_test(test_ed25519_answers_as_rfc_8032_says),
		cmocka_unit_test(test_utf8_accepts_what_unicode_does_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
