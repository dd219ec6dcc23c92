/* A capped queue's slots, divided: never more than the cap, never idle while somebody could. */
#include "share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static int64_t total(const struct share *shares, size_t n)
{
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += shares[i].granted;
	return sum;
}

/* promises: C16 */
static void the_rest_goes_to_those_with_free_slots(void **state)
{
	struct share s[] = {{.slots_free = 0, .held = 2}, {.slots_free = 9}, {.slots_free = 9}};

	share_plan(s, 3, 10, 0);
	assert_int_equal(s[0].granted, 2);
	assert_int_equal(s[1].granted, 4);
	assert_int_equal(s[2].granted, 4);
}

/* promises: C16 */
static void a_small_rest_takes_turns(void **state)
{
	struct share s[3] = {{.slots_free = 5}, {.slots_free = 5}, {.slots_free = 5}};

	share_plan(s, 3, 1, 0);
	assert_int_equal(s[0].granted, 1);
	share_plan(s, 3, 1, 1);
	assert_int_equal(s[1].granted, 1);
	assert_int_equal(s[0].granted, 0);
}

static void told(struct share *shares, size_t n)
{
	for (size_t i = 0; i < n; i++)
		shares[i].told = shares[i].granted;
}

/* The worker that is told less may be filling its part just now. promises: C15 */
static void what_one_may_be_filling_is_given_to_no_other(void **state)
{
	struct share s[] = {{.slots_free = 5, .held = 1, .told = 1}, {.slots_free = 5, .told = 1}};

	share_plan(s, 2, 2, 0);
	assert_int_equal(s[0].granted, 1);
	assert_int_equal(s[1].granted, 0);
	told(s, 2);
	share_plan(s, 2, 2, 0);
	assert_int_equal(s[0].granted, 2);
	assert_int_equal(s[1].granted, 0);
}

/* Workers fill what they were told whenever they like, also while a plan is made. promises: C15 */
static void whatever_workers_fill_the_cap_holds(void **state)
{
	enum { WORKERS = 4, CAP = 7 };
	struct share s[WORKERS] = {0};

	srand(11);
	for (int round = 0; round < 5000; round++) {
		int32_t held = 0;

		for (size_t i = 0; i < WORKERS; i++)
			s[i].slots_free = rand() % 4 ? 9 : 0;
		share_plan(s, WORKERS, CAP, (size_t)round / 3);
		for (size_t i = 0; i < WORKERS; i++) {
			int32_t may = s[i].told > s[i].held ? s[i].told : s[i].held;

			s[i].held = rand() % 3 ? may : rand() % (may + 1);
			held += s[i].held;
		}
		assert_in_range(held, 0, CAP);
		told(s, WORKERS);
	}
}

/* promises: C16 */
static void what_is_held_stays_even_above_a_lowered_cap(void **state)
{
	struct share s[] = {{.slots_free = 5, .held = 7}, {.slots_free = 5}};

	share_plan(s, 2, 3, 0);
	assert_int_equal(s[0].granted, 7);
	assert_int_equal(s[1].granted, 0);
}

/* promises: C16 */
static void the_sum_is_the_cap_or_all_that_can_be_used(void **state)
{
	srand(7);
	for (int round = 0; round < 2000; round++) {
		struct share s[6];
		int32_t cap = rand() % 60, held = 0, room = 0;
		size_t n = (size_t)(rand() % 6) + 1;

		for (size_t i = 0; i < n; i++) {
			s[i] = (struct share){.slots_free = rand() % 20, .held = rand() % 5};
			held += s[i].held;
			room += s[i].slots_free;
		}
		share_plan(s, n, cap, (size_t)round);
		if (held >= cap)
			assert_int_equal(total(s, n), held);
		else
			assert_int_equal(total(s, n), held + room < cap ? held + room : cap);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rest_goes_to_those_with_free_slots),
		cmocka_unit_test(a_small_rest_takes_turns),
		cmocka_unit_test(what_one_may_be_filling_is_given_to_no_other),
		cmocka_unit_test(whatever_workers_fill_the_cap_holds),
		cmocka_unit_test(what_is_held_stays_even_above_a_lowered_cap),
		cmocka_unit_test(the_sum_is_the_cap_or_all_that_can_be_used),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
