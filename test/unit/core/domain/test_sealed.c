/* Sealed values name their format; equality is asked by keyed hash; releases come from one gate. */
#include "domain/sealed.h"
#include "domain/verdict.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_a_clear_value_is_a_zero_byte_and_the_text(void **state)
{
	struct sealed_view view = {NULL, 0, NULL};
	struct buf out;

	buf_init(&out, 100);
	assert_int_equal(sealed_close(NULL, "ab\0c", 4, &out), ERR_OK);
	assert_int_equal(out.len, 5);
	assert_memory_equal(out.bytes, "\0ab\0c", 5);
	assert_int_equal(sealed_open(NULL, out.bytes, out.len, &view), ERR_OK);
	assert_int_equal(view.len, 4);
	assert_ptr_equal(view.bytes, out.bytes + 1);
	sealed_view_clear(&view);
	assert_null(view.bytes);
	buf_clear(&out);
	sealed_view_clear(NULL);
}

static void test_unknown_formats_are_refused(void **state)
{
	struct sealed_view view = {NULL, 0, NULL};

	for (int format = 1; format < 256; format++) {
		const char sealed[] = {(char)format, 'x'};

		assert_int_equal(sealed_open(NULL, sealed, 2, &view), ERR_DB_DATA);
	}
	assert_int_equal(sealed_open(NULL, "", 0, &view), ERR_DB_DATA);
	assert_null(view.bytes);
}

static void test_a_value_that_does_not_fit_leaves_nothing(void **state)
{
	struct buf out;

	buf_init(&out, 4);
	assert_int_equal(sealed_close(NULL, "abcd", 4, &out), ERR_TOO_LARGE);
	assert_int_equal(out.len, 0);
	buf_clear(&out);
}

static struct sealed_pair pair(const char *name, const char *value)
{
	return (struct sealed_pair){name, strlen(name), value, strlen(value)};
}

static void test_matches_differ_by_key_field_name_value_and_seam(void **state)
{
	uint8_t key[SEALED_MATCH_KEY] = {1};
	uint8_t other[SEALED_MATCH_KEY] = {2};
	uint8_t out[7][DIGEST_SIZE];

	sealed_match(key, "metadata", pair("ab", "c"), out[0]);
	sealed_match(key, "metadata", pair("a", "bc"), out[1]);
	sealed_match(key, "metadata", pair("ab", "d"), out[2]);
	sealed_match(key, "subject", pair("ab", "c"), out[3]);
	sealed_match(other, "metadata", pair("ab", "c"), out[4]);
	sealed_match(key, "metadataa", pair("b", "c"), out[5]);
	sealed_match(key, "metadata", pair("ab", "c"), out[6]);
	for (int i = 0; i < 6; i++) {
		for (int k = i + 1; k < 6; k++)
			assert_false(digest_equal(out[i], out[k], DIGEST_SIZE));
	}
	assert_memory_equal(out[0], out[6], DIGEST_SIZE);
}

static void test_what_is_released_passed_the_moderator_and_bears_its_decision(void **state)
{
	struct released *released = NULL;
	struct verdict *verdict = NULL;

	assert_int_equal(released_new(10, &released), ERR_OK);
	assert_int_equal(verdict_new(&verdict), ERR_OK);
	assert_true(id_is_zero(released_decision(released)));
	assert_string_equal(released_bytes(released), "");
	assert_int_equal(verdict_feed(verdict, "Hel", 3, released), ERR_OK);
	assert_int_equal(verdict_feed(verdict, "lo", 2, released), ERR_OK);
	assert_string_equal(released_bytes(released), "Hello");
	assert_false(id_is_zero(released_decision(released)));
	released_reset(released);
	assert_int_equal(released_len(released), 0);
	assert_int_equal(verdict_whole(verdict, "{}", 2, released), ERR_OK);
	assert_string_equal(released_bytes(released), "{}");
	assert_int_equal(verdict_feed(verdict, "123456789", 9, released), ERR_TOO_LARGE);
	assert_string_equal(released_bytes(released), "{}");
	verdict_free(verdict);
	released_free(released);
	verdict_free(NULL);
	released_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_clear_value_is_a_zero_byte_and_the_text),
		cmocka_unit_test(test_unknown_formats_are_refused),
		cmocka_unit_test(test_a_value_that_does_not_fit_leaves_nothing),
		cmocka_unit_test(test_matches_differ_by_key_field_name_value_and_seam),
		cmocka_unit_test(test_what_is_released_passed_the_moderator_and_bears_its_decision),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
