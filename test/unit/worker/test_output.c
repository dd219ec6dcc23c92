/* Deltas are numbered without gaps, within what was reserved, and the end keeps its number. */
#include "output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* promises: C2 */
static void test_numbers_follow_each_other(void **state)
{
	struct output o;

	output_open(&o, 2, 257);
	assert_int_equal(output_tell(&o, 0), 0);
	assert_int_equal(output_tell(&o, 5), 3);
	assert_int_equal(output_tell(&o, 5), 0);
	assert_int_equal(output_tell(&o, 9), 4);
	assert_int_equal(output_unwritten(&o), 2);
	assert_memory_equal(o.lengths.bytes, "\5\0\0\0\4\0\0\0", 8);
	output_clear(&o);
}

/* promises: C2 */
static void test_the_last_number_is_for_the_end(void **state)
{
	struct output o;
	size_t text = 0;

	output_open(&o, 2, 257);
	for (int64_t seq = 3; seq < 257; seq++)
		assert_int_equal(output_tell(&o, ++text), seq);
	assert_int_equal(output_tell(&o, ++text), 0);
	assert_int_equal(o.next, 257);
	output_extended(&o, 513);
	assert_int_equal(output_tell(&o, ++text), 257);
	assert_int_equal(o.told, text);
	output_clear(&o);
}

static void test_more_numbers_are_asked_for_once(void **state)
{
	struct output o;
	size_t text = 0;

	output_open(&o, 2, 257);
	assert_false(output_is_low(&o));
	while (!output_is_low(&o))
		output_tell(&o, ++text);
	assert_true(o.next < o.last);
	o.extending = true;
	assert_false(output_is_low(&o));
	output_extended(&o, 513);
	assert_false(output_is_low(&o));
	output_clear(&o);
}

static void test_what_is_written_is_forgotten(void **state)
{
	struct output o;

	output_open(&o, 2, 257);
	output_tell(&o, 300);
	output_tell(&o, 70000);
	output_tell(&o, 70001);
	output_written(&o, 2);
	assert_int_equal(o.run_seq, 5);
	assert_int_equal(o.run_at, 70000);
	assert_int_equal(output_unwritten(&o), 1);
	output_clear(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers_follow_each_other),
		cmocka_unit_test(test_the_last_number_is_for_the_end),
		cmocka_unit_test(test_more_numbers_are_asked_for_once),
		cmocka_unit_test(test_what_is_written_is_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
