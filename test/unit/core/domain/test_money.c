/* Money is whole billionths, written as decimals, and never wraps. */
#include "domain/money.h"
#include "domain/usage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void expect_text(int64_t nano, const char *expected)
{
	char text[MONEY_TEXT_MAX];

	money_format(nano, text);
	assert_string_equal(text, expected);
}

static void test_amounts_are_written_with_six_decimals_and_more_where_needed(void **state)
{
	expect_text(0, "0.000000");
	expect_text(120000, "0.000120");
	expect_text(120, "0.00000012");
	expect_text(1, "0.000000001");
	expect_text(1500000000, "1.500000");
	expect_text(-1500000000, "-1.500000");
	expect_text(INT64_MAX, "9223372036.854775807");
	expect_text(INT64_MIN, "-9223372036.854775808");
}

static void test_amounts_come_back_as_they_went(void **state)
{
	static const int64_t cases[] = {0, 1, 999, 120000, 1000000000, 123456789012345, INT64_MAX};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[MONEY_TEXT_MAX];
		int64_t back = -1;

		money_format(cases[i], text);
		assert_true(money_parse(text, &back));
		assert_int_equal(back, cases[i]);
	}
}

static void test_what_is_no_amount_is_refused(void **state)
{
	static const char *const cases[] = {"", ".5", "1.", "-1", "+1", "1e3", "1,5", " 1", "1 ",
		"0.0000000001", "9223372036.854775808", "99999999999999999999", "1.2.3", "0x1"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t value = 42;

		assert_false(money_parse(cases[i], &value));
		assert_int_equal(value, 42);
	}
}

static void test_sums_and_products_stop_at_the_limit(void **state)
{
	assert_int_equal(money_add(INT64_MAX, 1), INT64_MAX);
	assert_int_equal(money_add(INT64_MIN, -1), INT64_MIN);
	assert_int_equal(money_of_tokens(INT64_MAX, INT64_MAX), INT64_MAX);
	assert_int_equal(money_of_tokens(-1, 5), 0);
}

/* promises: C14 */
static void test_usage_costs_what_its_tokens_cost(void **state)
{
	struct usage_price price = {.input_nano = 150000000, .output_nano = 600000000};
	struct usage u = usage_of(1000, 500, price);

	assert_int_equal(u.cost_nano, 150000 + 300000);
	u = usage_add(u, usage_of(1, -7, price));
	assert_int_equal(u.input_tokens, 1001);
	assert_int_equal(u.output_tokens, 500);
	assert_int_equal(u.cost_nano, 450150);
	assert_int_equal(usage_of(1, 0, (struct usage_price){1, 0}).cost_nano, 1);
	assert_int_equal(usage_estimate_tokens(0), 0);
	assert_int_equal(usage_estimate_tokens(1), 1);
	assert_int_equal(usage_estimate_tokens(5), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_amounts_are_written_with_six_decimals_and_more_where_needed),
		cmocka_unit_test(test_amounts_come_back_as_they_went),
		cmocka_unit_test(test_what_is_no_amount_is_refused),
		cmocka_unit_test(test_sums_and_products_stop_at_the_limit),
		cmocka_unit_test(test_usage_costs_what_its_tokens_cost),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
