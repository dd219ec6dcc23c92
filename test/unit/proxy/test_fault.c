/* What a test may ask of the fault proxy, and that a slip of the pen is no fault at all. */
#include "proxy/fault.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct fault parsed(const char *text)
{
	struct fault f = fault_none();

	assert_int_equal(fault_parse(text, &f), ERR_OK);
	return f;
}

static void test_each_name_means_its_row(void **state)
{
	assert_true(parsed("drop").still[TO_SERVER] && parsed("drop").still[TO_CLIENT]);
	assert_true(parsed("to-client").still[TO_CLIENT] && !parsed("to-client").still[TO_SERVER]);
	assert_true(parsed("to-server").still[TO_SERVER] && !parsed("to-server").still[TO_CLIENT]);
	assert_true(parsed("reset").resets && !parsed("reset").deaf);
	assert_true(parsed("refuse").resets && parsed("refuse").deaf);
	assert_true(parsed("half-open").orphans);
	assert_int_equal(parsed("slow 4000").slow_per_s, 4000);
	assert_int_equal(parsed("delay 300").delay_ms, 300);
	assert_int_equal(parsed("cut 17").cut_after, 17);
	assert_false(fault_holds_new(&(struct fault){0}));
}

static void test_what_is_not_a_fault_changes_nothing(void **state)
{
	static const char *const wrong[] = {"", "melt", "drop 3", "slow", "slow x", "slow 0",
		"slow -1", "delay 1 2", "cut 99999999999", "DROP"};
	struct fault f = parsed("cut 17");

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(fault_parse(wrong[i], &f), ERR_INVALID_FIELD);
	assert_int_equal(f.cut_after, 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_name_means_its_row),
		cmocka_unit_test(test_what_is_not_a_fault_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
