/* Items gather, run together, and one value that is refused costs the others nothing. */
#include "record/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

enum { WHOLE = 128 };

static const struct record_op op = {.name = "test", .weight_max = WHOLE};

struct thing {
	struct record_item item; /* first */
	bool bad;
	int taken, blamed;
};

static struct thing *thing_of(struct record_item *item)
{
	return (struct thing *)(void *)item;
}

/* As a lane does it: each part is taken whole, or refused for one of its items. */
static size_t batch_drive(struct batch *b)
{
	size_t statements = 0;
	bool more = true;

	while (more) {
		bool bad = false;

		statements++;
		assert_true(b->view.n > 0);
		for (size_t i = 0; i < b->view.n; i++)
			bad |= thing_of(b->view.items[i])->bad;
		if (bad && batch_refused(b))
			continue;
		for (size_t i = 0; i < b->view.n; i++)
			++*(bad ? &thing_of(b->view.items[i])->blamed
				: &thing_of(b->view.items[i])->taken);
		more = batch_next(b, !bad);
	}
	free(b);
	return statements;
}

static struct batch *gather(struct inbox *inbox, struct thing *things)
{
	inbox_init(inbox);
	for (size_t i = 0; i < WHOLE; i++)
		assert_true(inbox_put(inbox, &things[i].item));
	return batch_new(inbox, &op, inbox_fit(inbox, op.weight_max));
}

static void test_a_batch_without_a_fault_is_one_statement(void **state)
{
	struct thing things[WHOLE] = {0};
	struct inbox inbox = {0};
	struct batch *b = gather(&inbox, things);

	assert_non_null(b);
	assert_int_equal(b->view.n, WHOLE);
	assert_null(inbox_oldest(&inbox));
	assert_int_equal(inbox.weight, 0);
	assert_int_equal(batch_drive(b), 1);
}

/* promises: C4 */
static void test_who_is_to_blame_stands_alone_and_each_is_told_once(void **state)
{
	for (size_t at = 0; at < WHOLE; at++) {
		struct thing things[WHOLE] = {0};
		struct inbox inbox = {0};
		struct batch *b = gather(&inbox, things);

		assert_non_null(b);
		things[at].bad = things[at * 7 % WHOLE].bad = true;
		assert_in_range(batch_drive(b), 2, WHOLE);
		for (size_t i = 0; i < WHOLE; i++) {
			assert_int_equal(things[i].blamed, things[i].bad);
			assert_int_equal(things[i].taken, !things[i].bad);
		}
	}
}

static void test_what_is_too_heavy_goes_alone(void **state)
{
	struct thing things[3] = {{.item.weight = 9}, {.item.weight = 2}, {.item.weight = 2}};
	struct inbox inbox = {0};

	inbox_init(&inbox);
	assert_null(batch_new(&inbox, &op, inbox_fit(&inbox, 4)));
	for (size_t i = 0; i < 3; i++)
		assert_true(inbox_put(&inbox, &things[i].item));
	assert_int_equal(inbox_fit(&inbox, 4), 1);
	assert_ptr_equal(inbox_pop(&inbox), &things[0].item);
	assert_int_equal(inbox_fit(&inbox, 4), 2);
	assert_int_equal(inbox.weight, 4);
}

static void test_those_that_waited_too_long_leave(void **state)
{
	struct thing things[3] = {
		{.item.since_ms = 10}, {.item.since_ms = 20}, {.item.since_ms = 30}};
	struct inbox inbox = {0};
	struct ring late;

	inbox_init(&inbox);
	ring_init(&late);
	for (size_t i = 0; i < 3; i++)
		assert_true(inbox_put(&inbox, &things[i].item));
	inbox_late(&inbox, 20, &late);
	assert_ptr_equal(late.next, &things[0].item.link);
	assert_ptr_equal(late.next->next, &late);
	assert_ptr_equal(inbox_oldest(&inbox), &things[1].item);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_batch_without_a_fault_is_one_statement),
		cmocka_unit_test(test_who_is_to_blame_stands_alone_and_each_is_told_once),
		cmocka_unit_test(test_what_is_too_heavy_goes_alone),
		cmocka_unit_test(test_those_that_waited_too_long_leave),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
