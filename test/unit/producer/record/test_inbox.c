/* Whose items wait takes turns with others, however many are its own. */
#include "record/inbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct record_op alone = {.name = "alone", .weight_max = 1};
static const struct record_op shared = {.name = "shared", .weight_max = 8};

static struct record_item item_of(uint8_t whose, const struct record_op *op)
{
	return (struct record_item){.op = op, .whose.bytes = {whose}};
}

static void test_one_with_many_has_one_turn_after_the_other(void **state)
{
	enum { A = 1, B, C };
	const uint8_t put[] = {A, A, A, A, B, B, C}, taken[] = {A, B, C, A, B, A, A};
	struct record_item items[sizeof put];
	struct inbox inbox = {0};

	inbox_init(&inbox);
	for (size_t i = 0; i < sizeof put; i++) {
		items[i] = item_of(put[i], &alone);
		assert_true(inbox_put(&inbox, &items[i]));
	}
	assert_int_equal(inbox.weight, sizeof put);
	for (size_t i = 0; i < sizeof taken; i++) {
		assert_int_equal(inbox_fit(&inbox, 1), 1);
		assert_int_equal(inbox_pop(&inbox)->whose.bytes[0], taken[i]);
	}
	assert_null(inbox_pop(&inbox));
	assert_int_equal(inbox_fit(&inbox, 1), 0);
	assert_int_equal(inbox.weight, 0);
}

static void test_each_ones_own_stay_in_order(void **state)
{
	struct record_item items[5];
	struct inbox inbox = {0};

	inbox_init(&inbox);
	for (size_t i = 0; i < 4; i++) {
		items[i] = item_of(1, &alone);
		assert_true(inbox_put(&inbox, &items[i]));
	}
	assert_ptr_equal(inbox_pop(&inbox), &items[0]);
	items[4] = item_of(1, &alone);
	assert_true(inbox_put(&inbox, &items[4]));
	for (size_t i = 1; i < 5; i++)
		assert_ptr_equal(inbox_pop(&inbox), &items[i]);
}

static void test_what_is_nobodys_in_particular_goes_first(void **state)
{
	struct record_item tenants = item_of(1, &alone), operators = item_of(0, &alone);
	struct inbox inbox = {0};

	inbox_init(&inbox);
	assert_true(inbox_put(&inbox, &tenants));
	assert_true(inbox_put(&inbox, &operators));
	assert_ptr_equal(inbox_oldest(&inbox), &operators);
	assert_ptr_equal(inbox_pop(&inbox), &operators);
	assert_ptr_equal(inbox_pop(&inbox), &tenants);
}

static void test_one_with_too_many_is_refused_and_nobody_else(void **state)
{
	struct record_item *items = calloc(RECORD_MATES_MAX + 1, sizeof *items);
	struct record_item other = item_of(2, &alone), operators = item_of(0, &alone);
	struct inbox inbox = {0};

	assert_non_null(items);
	inbox_init(&inbox);
	for (size_t i = 0; i <= RECORD_MATES_MAX; i++) {
		items[i] = item_of(1, &alone);
		assert_int_equal(inbox_put(&inbox, &items[i]), i < RECORD_MATES_MAX);
	}
	assert_int_equal(inbox.weight, RECORD_MATES_MAX);
	assert_true(inbox_put(&inbox, &other));
	assert_true(inbox_put(&inbox, &operators));
	assert_ptr_equal(inbox_pop(&inbox), &operators);
	assert_ptr_equal(inbox_pop(&inbox), &items[0]);
	assert_true(inbox_put(&inbox, &items[RECORD_MATES_MAX]));
	free(items);
}

static void test_more_of_quick_reads_may_wait(void **state)
{
	static const struct record_op reads = {"reads", RECORD_READS, 1, NULL, NULL};
	struct record_item *items = calloc(RECORD_READERS_MAX + 1, sizeof *items);
	struct inbox inbox = {0};

	assert_non_null(items);
	inbox_init(&inbox);
	for (size_t i = 0; i <= RECORD_READERS_MAX; i++) {
		items[i] = item_of(1, &reads);
		assert_int_equal(inbox_put(&inbox, &items[i]), i < RECORD_READERS_MAX);
	}
	free(items);
}

static void test_what_shares_a_batch_takes_no_turns(void **state)
{
	struct record_item items[4];
	struct inbox inbox = {0};

	inbox_init(&inbox);
	for (size_t i = 0; i < 4; i++) {
		items[i] = item_of((uint8_t)(1 + i / 2), &shared);
		assert_true(inbox_put(&inbox, &items[i]));
	}
	assert_int_equal(inbox_fit(&inbox, 8), 4);
	for (size_t i = 0; i < 4; i++)
		assert_ptr_equal(inbox_pop(&inbox), &items[i]);
}

static void test_those_late_leave_from_behind_others_too(void **state)
{
	const struct {
		uint8_t whose;
		int64_t since_ms;
	} put[] = {{1, 10}, {1, 11}, {1, 30}, {2, 12}, {3, 40}, {0, 5}, {0, 50}};
	enum { N = sizeof put / sizeof *put };
	const size_t late_ones[] = {5, 0, 3, 1}, left[] = {6, 4, 2};
	struct record_item items[N];
	struct inbox inbox = {0};
	struct ring late, *at;

	inbox_init(&inbox);
	ring_init(&late);
	for (size_t i = 0; i < N; i++) {
		items[i] = item_of(put[i].whose, &alone);
		items[i].since_ms = put[i].since_ms;
		assert_true(inbox_put(&inbox, &items[i]));
	}
	inbox_late(&inbox, 20, &late);
	at = late.next;
	for (size_t i = 0; i < sizeof late_ones / sizeof *late_ones; i++, at = at->next)
		assert_ptr_equal(at, &items[late_ones[i]].link);
	assert_ptr_equal(at, &late);
	assert_int_equal(inbox.weight, sizeof left / sizeof *left);
	for (size_t i = 0; i < sizeof left / sizeof *left; i++)
		assert_ptr_equal(inbox_pop(&inbox), &items[left[i]]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_with_many_has_one_turn_after_the_other),
		cmocka_unit_test(test_each_ones_own_stay_in_order),
		cmocka_unit_test(test_what_is_nobodys_in_particular_goes_first),
		cmocka_unit_test(test_one_with_too_many_is_refused_and_nobody_else),
		cmocka_unit_test(test_more_of_quick_reads_may_wait),
		cmocka_unit_test(test_what_shares_a_batch_takes_no_turns),
		cmocka_unit_test(test_those_late_leave_from_behind_others_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
