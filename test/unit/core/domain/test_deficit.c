/* What is remembered of whom between two choices. */
#include "domain/deficit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct deficit owed(int32_t queue, uint8_t tenant, int64_t amount)
{
	return (struct deficit){queue, {{tenant}}, amount};
}

/* promises: C12 */
static void test_a_choice_replaces_what_its_queue_owed_and_no_other(void **state)
{
	struct deficits d = {0};
	struct deficit list[] = {owed(1, 1, 5), owed(2, 1, 6), owed(1, 2, 7)};

	for (size_t i = 0; i < 3; i++)
		deficits_owe(&d, &list[i]);
	deficits_settle(&d, 1);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.list[0].queue_id, 2);
	deficits_settle(&d, 0);
	assert_int_equal(d.n, 0);
}

/* promises: C12 */
static void test_when_full_the_least_owed_is_forgotten(void **state)
{
	struct deficits d = {0};
	struct deficit one;

	for (int i = 0; i < DEFICITS_MAX; i++) {
		one = owed(1, (uint8_t)i, i == 7 ? 1 : 100);
		deficits_owe(&d, &one);
	}
	one = owed(2, 1, 50);
	deficits_owe(&d, &one);
	assert_int_equal(d.n, DEFICITS_MAX);
	assert_int_equal(d.list[7].queue_id, 2);
	one = owed(3, 1, 49);
	deficits_owe(&d, &one);
	assert_int_equal(d.list[7].queue_id, 2);
}

/* promises: C12 */
static void test_who_is_owed_nothing_takes_no_place(void **state)
{
	struct deficits d = {0};
	struct deficit one = owed(1, 1, 0);

	deficits_owe(&d, &one);
	assert_int_equal(d.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_choice_replaces_what_its_queue_owed_and_no_other),
		cmocka_unit_test(test_when_full_the_least_owed_is_forgotten),
		cmocka_unit_test(test_who_is_owed_nothing_takes_no_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
