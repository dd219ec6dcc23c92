/* Timers come in the order of their deadlines, whatever was set, moved and unset before. */
#include "simulator/behaviour.h"
#include "simulator/timers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { MANY = 5000 };

static void timers_come_in_order(void **state)
{
	static struct timer timer[MANY];
	struct timers t;
	int64_t last = 0;
	size_t came = 0, unset = 0;

	timers_init(&t);
	for (uint64_t i = 0; i < 4 * MANY; i++) {
		struct timer *one = &timer[behaviour_random(1, i) % MANY];
		int64_t due = (int64_t)(behaviour_random(2, i) % 100000);
		assert_int_equal(timers_set(&t, one, due), ERR_OK);
		if (i % 7 == 0)
			timers_unset(&t, &timer[behaviour_random(3, i) % MANY]);
	}
	for (size_t i = 0; i < MANY; i++)
		unset += timer[i].place == 0;
	for (struct timer *one; (one = timers_pop(&t, INT64_MAX)); came++) {
		assert_true(one->due_us >= last);
		last = one->due_us;
	}
	assert_int_equal(came + unset, MANY);
	timers_clear(&t);
}

static void nothing_comes_before_it_is_due(void **state)
{
	struct timer one = {0};
	struct timers t;

	timers_init(&t);
	assert_int_equal(timers_wait_ms(&t, 0), -1);
	assert_int_equal(timers_set(&t, &one, 5001), ERR_OK);
	assert_null(timers_pop(&t, 5000));
	assert_int_equal(timers_wait_ms(&t, 1000), 5);
	assert_int_equal(timers_wait_ms(&t, 9000), 0);
	assert_ptr_equal(timers_pop(&t, 5001), &one);
	timers_clear(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_come_in_order),
		cmocka_unit_test(nothing_comes_before_it_is_due),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
