/* threads: yes */
/* The surveyor's thread: requests and answers cross over. */
#include "surveyor.h"

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

static struct surveyor *surveyor_made(void)
{
	const struct surveyor_hands hands = {.ensure = ensure, .survey = survey};
	struct surveyor *surveyor = NULL;

	assert_int_equal(surveyor_new(&hands, &surveyor), ERR_OK);
	return surveyor;
}

/* promises: C16 */
static void requests_and_answers_cross_over(void **state)
{
	struct surveyor *surveyor = surveyor_made();
	struct survey_positions positions = {.n = 2}, answer = {.n = 0};
	struct survey_topics topics = {.n = 2}, made = {.n = 0};
	int64_t until_ms = clock_ms() + 30000;
	bool answered = false, ensured = false;

	positions.list[1].partition = 7;
	strcpy(topics.names[1], "b");
	assert_true(surveyor_ask(surveyor, &positions));
	assert_false(surveyor_ask(surveyor, &positions));
	assert_true(surveyor_ensure(surveyor, &topics));
	while (!(answered && ensured) && clock_ms() < until_ms) {
		answered = answered || surveyor_answered(surveyor, &answer);
		ensured = ensured || surveyor_ensured(surveyor, &made);
		(void)poll(NULL, 0, 1);
	}
	assert_true(answered && ensured);
	assert_int_equal(answer.err, ERR_OK);
	assert_int_equal(answer.list[1].high, 107);
	assert_int_equal(made.err, ERR_OK);
	assert_false(surveyor_answered(surveyor, &answer));
	surveyor_close(surveyor);
}

/* promises: C16 */
static void it_closes_while_idle_and_while_at_work(void **state)
{
	struct survey_topics topics = {.n = 1};
	struct surveyor *surveyor = surveyor_made();

	assert_true(surveyor_ensure(surveyor, &topics));
	surveyor_close(surveyor);
	surveyor_close(surveyor_made());
	surveyor_close(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_and_answers_cross_over),
		cmocka_unit_test(it_closes_while_idle_and_while_at_work),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
