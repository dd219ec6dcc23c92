/* threads: yes */
/* The kafka_admin's thread: requests and answers cross over. */
#include "kafka_admin.h"

#include "ground/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <poll.h>
#include <string.h>

/* Hands that answer slowly, each in its own way. */
static enum err ensure(void *owner, const char *const *queues, size_t n, int wait_ms)
{
	(void)poll(NULL, 0, 5);
	return strcmp(queues[n - 1], "b") == 0 ? ERR_OK : ERR_STREAM;
}

static enum err survey(void *owner, struct stream_position *positions, size_t n, int wait_ms)
{
	(void)poll(NULL, 0, 5);
	for (size_t i = 0; i < n; i++)
		positions[i].high = 100 + positions[i].partition;
	return ERR_OK;
}

static struct kafka_admin *kafka_admin_made(void)
{
	const struct kafka_admin_hands hands = {.ensure = ensure, .survey = survey};
	struct kafka_admin *kafka_admin = NULL;

	assert_int_equal(kafka_admin_new(&hands, &kafka_admin), ERR_OK);
	return kafka_admin;
}

/* promises: C16 */
static void requests_and_answers_cross_over(void **state)
{
	struct kafka_admin *kafka_admin = kafka_admin_made();
	struct survey_positions positions = {.n = 2}, answer = {.n = 0};
	struct survey_topics topics = {.n = 2}, made = {.n = 0};
	int64_t until_ms = clock_ms() + 120000;
	bool answered = false, ensured = false;

	positions.list[1].partition = 7;
	strcpy(topics.names[1], "b");
	assert_true(kafka_admin_ask(kafka_admin, &positions));
	assert_false(kafka_admin_ask(kafka_admin, &positions));
	assert_true(kafka_admin_ensure(kafka_admin, &topics));
	while (!(answered && ensured) && clock_ms() < until_ms) {
		answered = answered || kafka_admin_answered(kafka_admin, &answer);
		ensured = ensured || kafka_admin_ensured(kafka_admin, &made);
		(void)poll(NULL, 0, 1);
	}
	assert_true(answered && ensured);
	assert_int_equal(answer.err, ERR_OK);
	assert_int_equal(answer.list[1].high, 107);
	assert_int_equal(made.err, ERR_OK);
	assert_false(kafka_admin_answered(kafka_admin, &answer));
	kafka_admin_close(kafka_admin);
}

/* promises: C16 */
static void it_closes_while_idle_and_while_at_work(void **state)
{
	struct survey_topics topics = {.n = 1};
	struct kafka_admin *kafka_admin = kafka_admin_made();

	assert_true(kafka_admin_ensure(kafka_admin, &topics));
	kafka_admin_close(kafka_admin);
	kafka_admin_close(kafka_admin_made());
	kafka_admin_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_and_answers_cross_over),
		cmocka_unit_test(it_closes_while_idle_and_while_at_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
