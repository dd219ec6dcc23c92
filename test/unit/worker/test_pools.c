/* What a queue leaves to the others: of a worker's slots, whatever hangs. */
#include "pools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>

static const struct queue a = {.id = 1, .name = "a", .weight = 1};
static const struct queue b = {.id = 2, .name = "b", .weight = 1};
static const struct queue c = {.id = 3, .name = "c", .weight = 8};

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct pools));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* A queue takes whatever it may until it may no more; what it holds then. */
static size_t fill(struct pools *pools, int32_t queue, size_t slots, size_t *free_slots)
{
	const struct pool *pool = pools_find(pools, queue);
	size_t room;

	while ((room = pools_room(pools, pool, slots, *free_slots)) > 0) {
		assert_in_range(room, 1, *free_slots);
		for (; room > 0; room--, --*free_slots)
			pools_hold(pools, queue);
	}
	return pool->held;
}

/* promises: C4 */
static void a_queue_alone_has_all_slots(void **state)
{
	const struct queue *served[] = {&a};
	size_t left = 100;

	pools_serve(*state, served, 1);
	assert_int_equal(fill(*state, 1, 100, &left), 100);
}

/* promises: C4 */
static void each_queue_finds_its_part_when_the_others_hang(void **state)
{
	const struct queue *served[] = {&a, &b, &c};
	size_t left = 100;

	pools_serve(*state, served, 3);
	assert_int_equal(fill(*state, 1, 100, &left), 100 - 2 - 16);
	assert_int_equal(fill(*state, 3, 100, &left), 16);
	assert_int_equal(fill(*state, 2, 100, &left), 2);
	assert_int_equal(left, 0);
}

/* promises: C4 */
static void what_is_given_back_goes_to_who_lacks_its_part_first(void **state)
{
	const struct queue *served[] = {&a, &b};
	size_t left = 100;

	pools_serve(*state, served, 2);
	assert_int_equal(fill(*state, 1, 100, &left), 90);
	assert_int_equal(fill(*state, 2, 100, &left), 10);
	pools_release(*state, 2);
	left++;
	assert_int_equal(pools_room(*state, pools_find(*state, 1), 100, left), 0);
	assert_int_equal(pools_room(*state, pools_find(*state, 2), 100, left), 1);
}

/* promises: C4 */
static void with_few_slots_there_is_still_one_for_another(void **state)
{
	const struct queue *served[] = {&a, &b, &c};
	size_t left = 2;

	pools_serve(*state, served, 3);
	assert_int_equal(fill(*state, 1, 2, &left), 1);
	assert_int_equal(fill(*state, 2, 2, &left), 1);
	left = 1;
	assert_int_equal(pools_room(*state, pools_find(*state, 3), 1, left), 1);
}

/* promises: C4 */
static void what_is_held_of_a_queue_that_left_stays_counted(void **state)
{
	const struct queue *both[] = {&a, &b};
	struct worker_begun begun[POOLS_MAX];

	pools_serve(*state, both, 2);
	pools_hold(*state, 1);
	pools_serve(*state, both + 1, 1);
	assert_int_equal(pools_find(*state, 1)->held, 1);
	pools_release(*state, 1);
	pools_serve(*state, both + 1, 1);
	assert_non_null(pools_find(*state, 1)); /* its start is still to be told */
	assert_int_equal(pools_tell(*state, begun, POOLS_MAX), 1);
	pools_told(*state);
	pools_serve(*state, both + 1, 1);
	assert_null(pools_find(*state, 1));
	assert_non_null(pools_find_name(*state, "b"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_queue_alone_has_all_slots),
		TEST(each_queue_finds_its_part_when_the_others_hang),
		TEST(what_is_given_back_goes_to_who_lacks_its_part_first),
		TEST(with_few_slots_there_is_still_one_for_another),
		TEST(what_is_held_of_a_queue_that_left_stays_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
