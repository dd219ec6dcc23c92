/* How large a job is, as far as its body tells. */
#include "jobs/job_units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int32_t units(const char *input, size_t bytes)
{
	json_t *json = json_loads(input, 0, NULL);
	int32_t n = job_units(json, bytes);

	json_decref(json);
	return n;
}

/* promises: C12 */
static void test_an_ordinary_job_is_one_unit(void **state)
{
	assert_int_equal(units("{}", 2), 1);
	assert_int_equal(units("{\"max_tokens\": 900}", 400), 1);
}

/* promises: C12 */
static void test_input_and_bounded_output_count_in_thousands(void **state)
{
	assert_int_equal(units("{}", 40000), 10);
	assert_int_equal(units("{\"max_tokens\": 4000}", 40000), 14);
	assert_int_equal(units("{\"max_completion_tokens\": 4001}", 0), 5);
	assert_int_equal(units("{\"max_output_tokens\": 2000, \"max_tokens\": 1}", 0), 2);
}

/* promises: C12 */
static void test_a_bound_that_makes_no_sense_counts_nothing_and_a_huge_one_the_most(void **state)
{
	assert_int_equal(units("{\"max_tokens\": -5}", 100), 1);
	assert_int_equal(units("{\"max_tokens\": \"many\"}", 100), 1);
	assert_int_equal(units("{\"max_tokens\": 9223372036854775807}", 100), JOB_UNITS_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_ordinary_job_is_one_unit),
		cmocka_unit_test(test_input_and_bounded_output_count_in_thousands),
		cmocka_unit_test(
			test_a_bound_that_makes_no_sense_counts_nothing_and_a_huge_one_the_most),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
