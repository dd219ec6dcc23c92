/* A buffer grows to its limit and no further; a failed append changes nothing. */
#include "ground/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_appends_are_joined_and_terminated(void **state)
{
	struct buf b;

	buf_init(&b, 1000);
	buf_text(&b, "one ");
	buf_printf(&b, "%d%s", 2, "two");
	buf_char(&b, '!');
	assert_int_equal(buf_err(&b), ERR_OK);
	assert_string_equal(b.bytes, "one 2two!");
	assert_int_equal(b.len, 9);
	buf_clear(&b);
}

static void test_a_buffer_fills_to_its_last_byte_and_refuses_the_next(void **state)
{
	for (size_t max = 0; max < 600; max++) {
		struct buf b;

		buf_init(&b, max);
		for (size_t i = 0; i < max; i++)
			assert_int_equal(buf_char(&b, (char)('a' + i % 26)), ERR_OK);
		assert_int_equal(buf_char(&b, 'x'), ERR_TOO_LARGE);
		assert_int_equal(b.len, max);
		for (size_t i = 0; i < max; i++)
			assert_int_equal(b.bytes[i], 'a' + i % 26);
		buf_clear(&b);
	}
}

static void test_the_first_failure_is_remembered_until_reset(void **state)
{
	struct buf b;

	buf_init(&b, 4);
	assert_int_equal(buf_text(&b, "12345"), ERR_TOO_LARGE);
	assert_int_equal(buf_text(&b, "1"), ERR_TOO_LARGE);
	assert_int_equal(b.len, 0);
	buf_reset(&b);
	assert_int_equal(buf_text(&b, "1234"), ERR_OK);
	assert_string_equal(b.bytes, "1234");
	buf_clear(&b);
}

static void test_json_text_is_escaped(void **state)
{
	static const char text[] = "a\"b\\c\n\t\x01\x1f\0z\xc3\xa9";
	struct buf b;

	buf_init(&b, 1000);
	assert_int_equal(buf_json(&b, text, sizeof(text) - 1), ERR_OK);
	assert_string_equal(b.bytes, "\"a\\\"b\\\\c\\n\\t\\u0001\\u001f\\u0000z\xc3\xa9\"");
	buf_clear(&b);
}

static void test_a_json_text_that_does_not_fit_leaves_nothing(void **state)
{
	struct buf b;

	for (size_t max = 2; max < 9; max++) {
		buf_init(&b, max);
		buf_text(&b, "[,");
		assert_int_equal(buf_json(&b, "a\n1234", 6), ERR_TOO_LARGE);
		assert_string_equal(b.bytes, "[,");
		buf_clear(&b);
	}
}

static void test_skip_drops_the_front(void **state)
{
	struct buf b;

	buf_init(&b, 100);
	buf_skip(&b, 5);
	buf_text(&b, "abcdef");
	buf_skip(&b, 2);
	assert_string_equal(b.bytes, "cdef");
	buf_skip(&b, 100);
	assert_string_equal(b.bytes, "");
	buf_clear(&b);
}

static void test_take_hands_the_bytes_over(void **state)
{
	struct buf b;
	char *bytes = NULL;
	size_t len = 7;

	buf_init(&b, 100);
	assert_int_equal(buf_take(&b, &bytes, &len), ERR_OK);
	assert_string_equal(bytes, "");
	assert_int_equal(len, 0);
	free(bytes);
	buf_text(&b, "mine");
	assert_int_equal(buf_take(&b, &bytes, NULL), ERR_OK);
	assert_string_equal(bytes, "mine");
	assert_null(b.bytes);
	assert_int_equal(b.max, 100);
	free(bytes);
	buf_clear(&b);
	buf_clear(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_appends_are_joined_and_terminated),
		cmocka_unit_test(test_a_buffer_fills_to_its_last_byte_and_refuses_the_next),
		cmocka_unit_test(test_the_first_failure_is_remembered_until_reset),
		cmocka_unit_test(test_json_text_is_escaped),
		cmocka_unit_test(test_a_json_text_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(test_skip_drops_the_front),
		cmocka_unit_test(test_take_hands_the_bytes_over),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
