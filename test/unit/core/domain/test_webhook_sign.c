/* Signatures against the published vectors, and secrets that are none. */
#include "domain/webhook_sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const struct webhook_sign vector = {
	.id = "msg_p5jXN8AQM9LWM0D4loKWxJek",
	.timestamp_s = 1614265330,
	.body = "{\"test\": 2432232314}",
	.body_len = 20,
};
static const char hmac_secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
static const char hmac_signature[] = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
static const char ed_secret[] =
	"whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6"
	"Kvg==";
static const char ed_signature[] =
	"v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBA"
	"g==";

static enum err sign(const char *secret, struct buf *out)
{
	return webhook_sign(&vector, secret, strlen(secret), out);
}

/* promises: C3 */
static void the_published_vectors_come_out(void **state)
{
	struct buf out;

	buf_init(&out, 1000);
	assert_int_equal(sign(hmac_secret, &out), ERR_OK);
	assert_string_equal(out.bytes, hmac_signature);
	buf_reset(&out);
	assert_int_equal(sign(ed_secret, &out), ERR_OK);
	assert_string_equal(out.bytes, ed_signature);
	buf_clear(&out);
}

/* promises: C3 */
static void two_secrets_sign_side_by_side(void **state)
{
	struct buf out;
	char both[400] = "";

	strcat(strcat(strcat(both, hmac_signature), " "), ed_signature);
	buf_init(&out, 1000);
	assert_int_equal(sign(hmac_secret, &out), ERR_OK);
	assert_int_equal(sign(ed_secret, &out), ERR_OK);
	assert_string_equal(out.bytes, both);
	buf_clear(&out);
}

/* promises: C3 */
static void what_is_no_secret_signs_nothing(void **state)
{
	const char *bad[] = {"", "whsec_", "whsec_AAAA", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
		"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS", "whsk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"};
	struct buf out;

	buf_init(&out, 1000);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(sign(bad[i], &out), ERR_INVALID_FIELD);
	assert_int_equal(out.len, 0);
	buf_clear(&out);
}

/* promises: C3 */
static void a_new_secret_signs_and_is_new(void **state)
{
	char one[WEBHOOK_SECRET_TEXT_MAX], other[WEBHOOK_SECRET_TEXT_MAX];
	struct buf out;

	webhook_secret_new(one);
	webhook_secret_new(other);
	assert_string_not_equal(one, other);
	buf_init(&out, 1000);
	assert_int_equal(sign(one, &out), ERR_OK);
	assert_int_equal(strncmp(out.bytes, "v1,", 3), 0);
	buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_published_vectors_come_out),
		cmocka_unit_test(two_secrets_sign_side_by_side),
		cmocka_unit_test(what_is_no_secret_signs_nothing),
		cmocka_unit_test(a_new_secret_signs_and_is_new),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
