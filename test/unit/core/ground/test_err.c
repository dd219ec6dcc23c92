/* The error table is whole: every row has its words, and codes name one row each. */
#include "ground/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_every_row_is_filled_and_found_by_its_code(void **state)
{
	for (unsigned i = 0; i < ERR_COUNT_; i++) {
		enum err e = (enum err)i;

		assert_non_null(err_code(e));
		assert_non_null(err_text(e));
		assert_in_range(err_http(e), 200, 599);
		assert_in_range(err_fate(e), FATE_DONE, FATE_BURY);
		assert_int_equal(err_from_code(err_code(e)), e);
	}
}

static void test_codes_are_words_in_lower_case(void **state)
{
	for (unsigned i = 0; i < ERR_COUNT_; i++) {
		const char *code = err_code((enum err)i);

		assert_int_equal(
			strspn(code, "abcdefghijklmnopqrstuvwxyz_0123456789"), strlen(code));
	}
}

static void test_what_is_unknown_is_our_own_mistake(void **state)
{
	assert_int_equal(err_from_code("nonsense"), ERR_INTERNAL);
	assert_int_equal(err_from_code(NULL), ERR_INTERNAL);
	assert_string_equal(err_code((enum err)9999), "internal");
}

/* promises: C5 */
static void test_a_connection_error_is_never_final_by_itself(void **state)
{
	static const enum err errors[] = {ERR_UP_DNS, ERR_UP_CONNECT, ERR_UP_TLS, ERR_UP_FIRST_BYTE,
		ERR_UP_STALLED, ERR_UP_TRUNCATED, ERR_UP_RATE, ERR_UP_503};

	for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++)
		assert_int_equal(err_fate(errors[i]), FATE_RETRY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_is_filled_and_found_by_its_code),
		cmocka_unit_test(test_codes_are_words_in_lower_case),
		cmocka_unit_test(test_what_is_unknown_is_our_own_mistake),
		cmocka_unit_test(test_a_connection_error_is_never_final_by_itself),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
