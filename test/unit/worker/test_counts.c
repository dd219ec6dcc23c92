/* What a worker counts, and that callers cannot blow it up. */
#include "counts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

static int setup(void **state)
{
	return counts_new((struct counts **)state) != ERR_OK;
}

static int teardown(void **state)
{
	counts_free(*state);
	return 0;
}

static struct finish completed(const char *upstream, const char *model)
{
	return (struct finish){.as = FINISH_COMPLETED,
		.upstream = upstream,
		.state = JOB_COMPLETED,
		.model = model,
		.upstream_status = 200,
		.input_tokens = 3,
		.output_tokens = 5,
		.cost_nano = 7,
		.timings_ms = {[TIMING_FIRST_BYTE] = 100, [TIMING_STREAM] = 900}};
}

static void test_an_end_counts_by_queue_upstream_and_model(void **state)
{
	struct counts *c = *state;
	struct queue_counts *q = counts_queue(c, 4);
	const struct finish end = completed("primary", "m"), none = {.state = JOB_COMPLETED};

	counts_end(c, q, &end);
	counts_end(c, q, &end);
	counts_end(c, q, &none);
	assert_int_equal(q->ended[JOB_COMPLETED], 3);
	assert_int_equal(c->upstreams_n, 2);
	assert_string_equal(c->upstreams[0].name, "none");
	assert_int_equal(c->upstreams[0].attempts[ERR_OK], 1);
	assert_string_equal(c->upstreams[1].name, "primary");
	assert_int_equal(c->upstreams[1].attempts[ERR_OK], 2);
	assert_int_equal(c->models_n, 1);
	assert_ptr_equal(c->models[0].upstream, &c->upstreams[1]);
	assert_int_equal(c->models[0].output_tokens, 10);
	assert_int_equal(c->upstreams[1].first_us.sum, 200000);
	assert_int_equal(c->upstreams[1].call_us.sum, 2000000);
}

static void test_a_retry_is_an_attempt_with_its_error(void **state)
{
	struct counts *c = *state;
	struct queue_counts *q = counts_queue(c, 4);
	const struct finish end = {.as = FINISH_RETRY,
		.state = JOB_WAITING,
		.error = ERR_UP_RATE,
		.upstream = "primary",
		.model = "m",
		.upstream_status = 429,
		.timings_ms = {[TIMING_FIRST_BYTE] = -1, [TIMING_STREAM] = -1}};

	counts_end(c, q, &end);
	assert_int_equal(c->upstreams[1].attempts[ERR_UP_RATE], 1);
	assert_int_equal(c->upstreams[1].retries, 1);
	assert_int_equal(q->ended[JOB_WAITING], 1);
	assert_int_equal(histogram_count(&c->upstreams[1].first_us), 0);
}

static void test_a_lost_job_is_nobodys_attempt(void **state)
{
	struct counts *c = *state;
	struct queue_counts *q = counts_queue(c, 4);
	struct finish end = completed("primary", "m");

	end.outcome = ERR_LOST;
	counts_end(c, q, &end);
	assert_int_equal(q->lost, 1);
	assert_int_equal(q->ended[JOB_COMPLETED], 0);
	assert_int_equal(c->models_n, 0);
}

/* promises: C15 */
static void test_a_model_that_nobody_answered_for_makes_no_series(void **state)
{
	struct counts *c = *state;
	struct finish end = completed("primary", "invented");

	end.upstream_status = 404;
	end.output_tokens = 0;
	counts_end(c, counts_queue(c, 4), &end);
	assert_int_equal(c->models_n, 0);
}

/* promises: C15 */
static void test_upstreams_beyond_the_room_share_one_place(void **state)
{
	struct counts *c = *state;
	char name[32];

	for (int i = 0; i < COUNTS_UPSTREAMS_MAX + 5; i++) {
		const struct finish end = completed(name, "m");

		snprintf(name, sizeof(name), "upstream-%d", i);
		counts_end(c, counts_queue(c, 4), &end);
	}
	assert_int_equal(c->upstreams_n, COUNTS_UPSTREAMS_MAX);
	assert_string_equal(c->upstreams[COUNTS_UPSTREAMS_MAX].name, "other");
	assert_int_equal(c->upstreams[COUNTS_UPSTREAMS_MAX].attempts[ERR_OK], 6);
}

/* promises: C15 */
static void test_models_beyond_the_limit_are_counted_as_one(void **state)
{
	struct counts *c = *state;
	char name[200];

	for (int i = 0; i < 3 * COUNTS_MODELS_MAX; i++) {
		const struct finish end = completed("primary", name);

		snprintf(name, sizeof(name), "model-%d", i);
		counts_end(c, counts_queue(c, 4), &end);
	}
	assert_int_equal(c->models_n, COUNTS_MODELS_MAX);
	assert_string_equal(c->models[COUNTS_MODELS_MAX].name, "other");
	assert_int_equal(c->models[COUNTS_MODELS_MAX].output_tokens, 5 * 2 * COUNTS_MODELS_MAX);
}

static void test_a_models_name_is_cut_and_printable(void **state)
{
	struct counts *c = *state;
	char name[200];
	const struct finish end = completed("primary", name);

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	name[1] = '\n';
	counts_end(c, counts_queue(c, 4), &end);
	assert_int_equal(strlen(c->models[0].name), COUNTS_NAME_ROOM - 1);
	assert_int_equal(c->models[0].name[1], '?');
}

static void test_queues_keep_their_place_and_get_their_name(void **state)
{
	struct counts *c = *state;
	struct queue_counts *q = counts_queue(c, 4);
	const struct queue named[] = {{.id = 9, .name = "late"}, {.id = 4, .name = "default"}};

	assert_string_equal(q->name, "4");
	counts_name_queues(c, named, 2);
	assert_ptr_equal(counts_queue(c, 4), q);
	assert_string_equal(q->name, "default");
}

static void test_queues_beyond_the_room_share_one_place(void **state)
{
	struct counts *c = *state;

	for (int32_t i = 1; i <= COUNTS_QUEUES_MAX + 5; i++)
		counts_queue(c, i)->claimed++;
	assert_int_equal(c->queues_n, COUNTS_QUEUES_MAX);
	assert_int_equal(c->queues[COUNTS_QUEUES_MAX].claimed, 5);
	assert_string_equal(c->queues[COUNTS_QUEUES_MAX].name, "other");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_an_end_counts_by_queue_upstream_and_model),
		CASE(test_a_retry_is_an_attempt_with_its_error),
		CASE(test_a_lost_job_is_nobodys_attempt),
		CASE(test_a_model_that_nobody_answered_for_makes_no_series),
		CASE(test_upstreams_beyond_the_room_share_one_place),
		CASE(test_models_beyond_the_limit_are_counted_as_one),
		CASE(test_a_models_name_is_cut_and_printable),
		CASE(test_queues_keep_their_place_and_get_their_name),
		CASE(test_queues_beyond_the_room_share_one_place),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
