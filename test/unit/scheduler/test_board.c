/* What the leader remembers of queues from look to look, and which messages it calls lost. */
#include "board.h"
#include "lost_message.h"
#include "publish_report.h"

#include "domain/dispatch_message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static struct board *seen(
	struct board *board, const struct dispatch_queue *queues, size_t n, int64_t now_ms)
{
	const struct dispatch_look look = {
		.queues = queues, .n = n, .slots = 100, .slots_free = 100, .workers = 1};

	board_see(board, &look, now_ms);
	return board;
}

static int setup(void **state)
{
	*state = calloc(1, sizeof(struct board));
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

/* promises: C16 */
static void memory_follows_a_queue_to_another_place(void **state)
{
	struct board *board = *state;
	const struct dispatch_queue first[] = {
		{.id = 1, .name = "a"}, {.id = 2, .name = "b"}, {.id = 3, .name = "c"}};
	const struct dispatch_queue then[] = {
		{.id = 9, .name = "new"}, {.id = 3, .name = "c"}, {.id = 1, .name = "a"}};

	seen(board, first, 3, 1);
	board->queues[0].topic = TOPIC_THERE;
	board->queues[2].allot_told = 42;
	seen(board, then, 3, 2);
	assert_int_equal(board_find(board, 1)->topic, TOPIC_THERE);
	assert_int_equal(board_find(board, 3)->allot_told, 42);
	assert_int_equal(board_find_name(board, "new")->topic, TOPIC_UNKNOWN);
	assert_null(board_find(board, 2));
}

/* promises: C15 */
static void when_a_backlog_moved_last_is_remembered(void **state)
{
	struct board *board = *state;
	const struct dispatch_queue queue = {.id = 1, .name = "a", .depth = 100, .running = 3};
	const struct dispatch_queue then = {.id = 1, .name = "a", .depth = 100, .running = 2};

	assert_int_equal(seen(board, &queue, 1, 1)->moved_ms, 1);
	assert_int_equal(seen(board, &queue, 1, 2)->moved_ms, 1);
	assert_true(board->ready);
	assert_int_equal(seen(board, &then, 1, 3)->moved_ms, 3);
}

/* promises: C16 */
static void a_rate_saves_up_at_most_a_second(void **state)
{
	struct board *board = *state;
	const struct dispatch_queue queue = {.id = 1, .name = "a", .rate = 10, .depth = 1000};

	seen(board, &queue, 1, 1000);
	assert_int_equal(board->windows[0].allowance, 1);
	board_spend(&board->queues[0], 1);
	seen(board, &queue, 1, 1500);
	assert_int_equal(board->windows[0].allowance, 5);
	seen(board, &queue, 1, 60000);
	assert_int_equal(board->windows[0].allowance, 10);
	assert_true(board_rated(board, 0));
}

/* promises: C16 */
static void topics_are_asked_for_until_they_are_made(void **state)
{
	struct board *board = *state;
	const struct dispatch_queue queues[] = {{.id = 1, .name = "a"}, {.id = 2, .name = "b"}};
	struct survey_topics topics;

	seen(board, queues, 2, 1);
	board_topics_ask(board, &topics);
	assert_int_equal(topics.n, 2);
	topics.err = ERR_STREAM;
	board_topics_made(board, &topics);
	board_topics_ask(board, &topics);
	assert_int_equal(topics.n, 2);
	topics.err = ERR_OK;
	board_topics_made(board, &topics);
	board_topics_ask(board, &topics);
	assert_int_equal(topics.n, 0);
}

/* promises: C16 */
static void deliveries_become_reports_and_failures(void **state)
{
	static struct publish_report report;
	static uint8_t bytes[DISPATCH_MESSAGE_BYTES_MAX];
	struct dispatch_key keys[3] = {0};
	struct id batch = id_new(0);
	struct stream_delivery delivery = {.queue = "a",
		.partition = 4,
		.offset = 77,
		.bytes = bytes,
		.len = dispatch_message_write(batch, keys, 3, bytes)};

	publish_report_note(&report, &delivery);
	assert_int_equal(report.delivered_n, 1);
	assert_true(id_equal(report.delivered[0].batch, batch));
	assert_int_equal(report.delivered[0].jobs, 3);
	assert_int_equal(report.delivered[0].offset, 77);
	delivery.err = ERR_STREAM;
	publish_report_note(&report, &delivery);
	assert_int_equal(report.failed_n, 1);
	delivery.len--;
	publish_report_note(&report, &delivery);
	assert_int_equal(report.failed_n, 1);
	for (int i = 0; i < 2 * PUBLISH_REPORT_MAX; i++)
		publish_report_fail(&report, batch, "a", 1);
	assert_int_equal(report.failed_n, PUBLISH_REPORT_MAX);
}

/* promises: C16 */
static void waiting_is_not_lost_passed_and_wiped_are(void **state)
{
	struct stream_position p = {.committed = 10, .low = 0, .high = 20};

	assert_false(lost_message_judge(&p, 10));
	assert_false(lost_message_judge(&p, 19));
	assert_true(lost_message_judge(&p, 9));
	assert_true(lost_message_judge(&p, 20));
	p.committed = -1;
	assert_false(lost_message_judge(&p, 9));
	p.low = p.high = -1;
	assert_true(lost_message_judge(&p, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			memory_follows_a_queue_to_another_place, setup, teardown),
		cmocka_unit_test_setup_teardown(
			when_a_backlog_moved_last_is_remembered, setup, teardown),
		cmocka_unit_test_setup_teardown(a_rate_saves_up_at_most_a_second, setup, teardown),
		cmocka_unit_test_setup_teardown(
			topics_are_asked_for_until_they_are_made, setup, teardown),
		cmocka_unit_test(deliveries_become_reports_and_failures),
		cmocka_unit_test(waiting_is_not_lost_passed_and_wiped_are),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
