/* Each way an upstream can fail is one row, and its words carry no key. */
#include "upstreams/outcome.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { WORDS_MAX = 2048 };

static void expect_err(int status, const char *body, enum err expect)
{
	assert_int_equal(outcome_of_status(status, body, strlen(body)), expect);
}

/* promises: C5 */
static void test_statuses_are_rows(void **state)
{
	expect_err(401, "", ERR_UP_AUTH);
	expect_err(408, "", ERR_UP_408);
	expect_err(409, "", ERR_UP_409);
	expect_err(425, "", ERR_UP_425);
	expect_err(429, "<html>", ERR_UP_RATE);
	expect_err(500, "", ERR_UP_500);
	expect_err(502, "", ERR_UP_502);
	expect_err(503, "{}", ERR_UP_503);
	expect_err(504, "", ERR_UP_504);
	expect_err(529, "", ERR_UP_529);
	expect_err(599, "", ERR_UP_500);
	expect_err(400, "", ERR_UP_REJECTED);
	expect_err(404, "", ERR_UP_REJECTED);
	expect_err(302, "", ERR_UP_REJECTED);
}

/* promises: C5 */
static void test_the_body_may_say_more_than_the_status(void **state)
{
	expect_err(429, "{\"error\":{\"code\":\"insufficient_quota\"}}", ERR_UP_QUOTA);
	expect_err(429, "{\"error\":{\"type\":\"invalid_request_error\"}}", ERR_UP_RATE);
	expect_err(400, "{\"error\":{\"code\":\"content_filter\"}}", ERR_UP_FILTERED);
	expect_err(400, "{\"error\":{\"type\":\"invalid_request_error\"}}", ERR_UP_REJECTED);
	expect_err(503, "{\"error\":{\"type\":\"overloaded_error\"}}", ERR_UP_503);
	expect_err(400, "{\"error\":\"text\"}", ERR_UP_REJECTED);
	expect_err(500, "[[[", ERR_UP_500);
}

static enum err streamed(const char *error)
{
	struct problems problems = {.n = 0};
	json_t *value = NULL;
	enum err e = json_read(error, strlen(error), 8, &problems, &value);

	assert_int_equal(e, ERR_OK);
	e = outcome_of_error(0, value);
	json_decref(value);
	return e;
}

/* promises: C5, C14 */
static void test_inside_a_stream_only_the_words_tell(void **state)
{
	assert_int_equal(streamed("{\"type\":\"overloaded_error\"}"), ERR_UP_529);
	assert_int_equal(streamed("{\"type\":\"rate_limit_error\"}"), ERR_UP_RATE);
	assert_int_equal(streamed("{\"type\":\"authentication_error\"}"), ERR_UP_AUTH);
	assert_int_equal(streamed("{\"type\":\"billing_error\"}"), ERR_UP_QUOTA);
	assert_int_equal(streamed("{\"type\":\"timeout_error\"}"), ERR_UP_504);
	assert_int_equal(streamed("{\"type\":\"not_found_error\"}"), ERR_UP_REJECTED);
	assert_int_equal(streamed("{\"code\":\"invalid_prompt\"}"), ERR_UP_REJECTED);
	assert_int_equal(streamed("{\"code\":503}"), ERR_UP_503);
	assert_int_equal(streamed("{\"type\":\"unheard_of\"}"), ERR_UP_500);
}

static void expect_words(const char *body, const char *expect)
{
	struct buf out;

	buf_init(&out, 10000);
	assert_int_equal(outcome_words(body, strlen(body), WORDS_MAX, &out), ERR_OK);
	assert_string_equal(out.bytes ? out.bytes : "", expect);
	buf_clear(&out);
}

/* promises: C5 */
static void test_words_are_the_message_without_keys(void **state)
{
	expect_words("{\"error\":{\"message\":\"slow down\"}}", "slow down");
	expect_words("{\"error\":{\"message\":\"bad key sk-abc123def, really\"}}",
		"bad key ************, really");
	expect_words("token Q7xk29dkQ02ms9dJ was refused", "token **************** was refused");
	expect_words("plain words stay as they are", "plain words stay as they are");
	expect_words("bad \xff byte", "bad ? byte");
	expect_words("", "");
}

static void test_words_are_cut_between_characters(void **state)
{
	char body[3 * WORDS_MAX];
	struct buf out;

	for (size_t i = 0; i + 1 < sizeof(body); i += 2)
		memcpy(body + i, "\xc3\xa9", 2);
	buf_init(&out, 10000);
	assert_int_equal(outcome_words(body, sizeof(body), WORDS_MAX, &out), ERR_OK);
	assert_int_equal(out.len, WORDS_MAX);
	buf_clear(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_statuses_are_rows),
		cmocka_unit_test(test_inside_a_stream_only_the_words_tell),
		cmocka_unit_test(test_the_body_may_say_more_than_the_status),
		cmocka_unit_test(test_words_are_the_message_without_keys),
		cmocka_unit_test(test_words_are_cut_between_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
