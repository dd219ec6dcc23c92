/* A request changes where we change it, and nowhere else. */
#include "upstreams/json_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct json_text text(const char *s)
{
	return (struct json_text){s, strlen(s)};
}

static void expect_set(const char *object, const char *expect)
{
	struct buf out;

	buf_init(&out, 1000);
	assert_int_equal(json_text_set(text(object), "stream", "true", &out), ERR_OK);
	assert_string_equal(out.bytes, expect);
	buf_clear(&out);
}

/* promises: C14 */
static void test_a_member_is_added_or_replaced_in_place(void **state)
{
	expect_set("{}", "{\"stream\":true}");
	expect_set(" { \"a\" : 1.0 } ", " { \"a\" : 1.0 ,\"stream\":true} ");
	expect_set("{\"stream\": false,\"b\":[{\"stream\":0}]}",
		"{\"stream\": true,\"b\":[{\"stream\":0}]}");
	expect_set(
		"{\"a\":\"}\\\"{\",\"n\":1e400}", "{\"a\":\"}\\\"{\",\"n\":1e400,\"stream\":true}");
}

static void test_only_own_members_are_found(void **state)
{
	struct json_text value;

	assert_true(json_text_member(text("{\"a\":{\"b\":1},\"b\":[2,\"]\"]}"), "b", &value));
	assert_memory_equal(value.at, "[2,\"]\"]", value.len);
	assert_false(json_text_member(text("{\"a\":{\"b\":1}}"), "b", &value));
	assert_false(json_text_member(text("[1]"), "b", &value));
	assert_false(json_text_member(text("{\"b\""), "b", &value));
	assert_false(json_text_member(text(""), "b", &value));
}

static void says(const char *from, enum err err, const char *expect)
{
	struct buf out;
	const char *after = NULL;

	buf_init(&out, 1000);
	assert_int_equal(json_text_string(from, from + strlen(from), &out, &after), err);
	if (!err) {
		assert_string_equal(out.bytes ? out.bytes : "", expect);
		assert_int_equal(*after, '!');
	}
	buf_clear(&out);
}

static void test_strings_are_read_as_the_standard_says(void **state)
{
	says("a\\n\\/\\u00e9\\ud83d\\ude00\"!", ERR_OK, "a\n/\xc3\xa9\xf0\x9f\x98\x80");
	says("no end", ERR_INVALID_JSON, NULL);
	says("\\ud83d\"!", ERR_INVALID_JSON, NULL);
	says("\\ude00\"!", ERR_INVALID_JSON, NULL);
	says("\\u0000\"!", ERR_INVALID_JSON, NULL);
	says("\\x\"!", ERR_INVALID_JSON, NULL);
	says("\xff\"!", ERR_INVALID_JSON, NULL);
	says("a\nb\"!", ERR_INVALID_JSON, NULL);
	says("\\", ERR_INVALID_JSON, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_member_is_added_or_replaced_in_place),
		cmocka_unit_test(test_only_own_members_are_found),
		cmocka_unit_test(test_strings_are_read_as_the_standard_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
