/* How much is dispatched: within the free slots, by weight, under caps and rates. */
#include "window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define QUEUE(...)                                               \
	{                                                        \
		.weight = 1, .allowance = INT64_MAX, __VA_ARGS__ \
	}

/* promises: C16 */
static void what_is_on_its_way_stays_within_free_slots_and_a_tenth(void **state)
{
	struct window w[] = {QUEUE(.depth = 10000, .running = 60, .dispatched = 30)};

	window_plan(w, 1, 100, 60, 10);
	assert_int_equal(w[0].pick, 100 - 60 + 10 - 30);
	w[0].dispatched = 50;
	window_plan(w, 1, 100, 60, 10);
	assert_int_equal(w[0].pick, 0);
}

/* promises: C16 */
static void without_a_worker_nothing_is_dispatched(void **state)
{
	struct window w[] = {QUEUE(.depth = 10)};

	window_plan(w, 1, 0, 0, 10);
	assert_int_equal(w[0].pick, 0);
	assert_int_equal(w[0].allot, 0);
}

/* promises: C16 */
static void queues_share_by_weight_and_leave_what_they_do_not_need(void **state)
{
	struct window w[] = {QUEUE(.depth = 1000), QUEUE(.depth = 1000), QUEUE(.depth = 5)};

	w[1].weight = 3;
	window_plan(w, 3, 100, 0, 0);
	assert_int_equal(w[2].pick, 5);
	assert_int_equal(w[0].pick + w[1].pick, 95);
	assert_in_range(w[1].pick, 2 * w[0].pick, 4 * w[0].pick);
}

/* promises: C16 */
static void a_cap_bounds_a_queue_and_a_pause_stops_it(void **state)
{
	struct window w[] = {QUEUE(.depth = 1000, .cap = 10, .running = 8),
		QUEUE(.depth = 1000, .paused = true)};

	window_plan(w, 2, 100, 8, 10);
	assert_int_equal(w[0].pick, 3);
	assert_int_equal(w[1].pick, 0);
	assert_int_equal(w[1].allot, 0);
}

/* promises: C16 */
static void producers_get_the_rest_only_where_nothing_older_waits(void **state)
{
	struct window w[] = {QUEUE(.depth = 20), QUEUE(.dispatched = 10)};

	window_plan(w, 2, 100, 0, 10);
	assert_int_equal(w[0].allot, 0);
	assert_int_equal(w[1].allot, 110 - 20 - 10);
}

/* promises: C16 */
static void a_rate_is_an_allowance_that_producers_do_not_share(void **state)
{
	struct window w[] = {QUEUE(.depth = 20)};

	w[0].allowance = 3;
	window_plan(w, 1, 100, 0, 10);
	assert_int_equal(w[0].pick, 3);
	w[0].depth = 0;
	window_plan(w, 1, 100, 0, 10);
	assert_int_equal(w[0].allot, 0);
}

/* promises: C16 */
static void every_queue_gets_at_least_one_turn_in_time(void **state)
{
	struct window w[40];

	for (int i = 0; i < 40; i++)
		w[i] = (struct window)QUEUE(.depth = 1);
	w[0].weight = 1000;
	w[0].depth = 1000;
	window_plan(w, 40, 100, 0, 0);
	for (int i = 0; i < 40; i++)
		assert_true(w[i].pick >= 1);
}

/* promises: C4 */
static void a_queue_that_hangs_leaves_the_others_their_reserve(void **state)
{
	struct window w[] = {QUEUE(.depth = 1000), QUEUE(.depth = 0)};

	window_plan(w, 2, 100, 0, 0);
	assert_int_equal(w[0].pick, 90);
	w[0].running = 90;
	window_plan(w, 2, 100, 90, 0);
	assert_int_equal(w[0].pick, 0);
	assert_int_equal(w[0].allot, 0);
	w[1].depth = 1000;
	window_plan(w, 2, 100, 90, 0);
	assert_int_equal(w[1].pick, 10);
}

/* promises: C16 */
static void a_message_is_small_enough_for_every_worker_to_get_some(void **state)
{
	assert_int_equal(window_batch(100, 5, 200), 10);
	assert_int_equal(window_batch(3, 5, 200), 1);
	assert_int_equal(window_batch(100000, 1, 200), 200);
	assert_int_equal(window_batch(1, 0, 200), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_on_its_way_stays_within_free_slots_and_a_tenth),
		cmocka_unit_test(without_a_worker_nothing_is_dispatched),
		cmocka_unit_test(queues_share_by_weight_and_leave_what_they_do_not_need),
		cmocka_unit_test(a_cap_bounds_a_queue_and_a_pause_stops_it),
		cmocka_unit_test(producers_get_the_rest_only_where_nothing_older_waits),
		cmocka_unit_test(a_rate_is_an_allowance_that_producers_do_not_share),
		cmocka_unit_test(every_queue_gets_at_least_one_turn_in_time),
		cmocka_unit_test(a_queue_that_hangs_leaves_the_others_their_reserve),
		cmocka_unit_test(a_message_is_small_enough_for_every_worker_to_get_some),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
