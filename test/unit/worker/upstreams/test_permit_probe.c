/* Who tries an upstream again that failed, and how many follow. */
#include "permit_asks.h"

#define UPSTREAM "upstreams: [{name: up, base_url: \"http://127.0.0.1:1/v1\", models: [\"*\"]}]\n"
#define SOON	 "breaker: {open_base_ms: 100, open_max_ms: 100, failures_in_row: 5, "

/* A probe lasts so much longer than we look that a machine held up in between changes nothing. */
enum { FIRST, SECOND, HEARD_MS = 200, LOOK_MS = 500, JOBS = 200 };

static bool first_fails_until_the_second_is_stopped(struct scene *s)
{
	(void)scene_try(s, FIRST, "a", "m", ERR_UP_500, 500);
	return !scene_try(s, SECOND, "a", "m", ERR_CANCELLED, 0) && s->last == PERMIT_BREAKER;
}

/* ---- one probe ---- */

static struct permit probes[SCENE_WORKERS];
static int64_t second_probed_ms;

static bool gets_the_probe(struct scene *s, size_t worker)
{
	const bool granted =
		scene_ask(s, worker, "a", "m", &probes[worker]).answer == PERMIT_GRANTED;

	if (!granted)
		scene_end(s, worker, &probes[worker], ERR_CANCELLED, 0, 0);
	return granted;
}

static bool first_probes(struct scene *s)
{
	return gets_the_probe(s, FIRST);
}

static bool second_probes(struct scene *s)
{
	if (!gets_the_probe(s, SECOND))
		return false;
	second_probed_ms = loop_now_ms(s->loop);
	return true;
}

/* By several exchanges. */
static bool first_has_heard_of_it(struct scene *s)
{
	return loop_now_ms(s->loop) - second_probed_ms > HEARD_MS;
}

/* As long as the second one's probe is under way. */
static bool first_asks(struct scene *s)
{
	if (loop_now_ms(s->loop) - second_probed_ms > LOOK_MS)
		return true;
	s->granted += scene_try(s, FIRST, "a", "m", ERR_CANCELLED, 0);
	return s->granted > 0;
}

/* promises: C6 */
static void test_a_probe_that_was_taken_over_is_not_made_again(void **state)
{
	struct scene *s = scene_new(true, SOON "probe_ms: 3000}\n" UPSTREAM);

	scene_until(s, first_fails_until_the_second_is_stopped);
	scene_until(s, first_probes);
	scene_until(s, second_probes); /* the first one's has taken too long */
	scene_until(s, first_has_heard_of_it);
	scene_end(s, FIRST, &probes[FIRST], ERR_CANCELLED, 0, 0);
	scene_until(s, first_asks);
	assert_int_equal(s->granted, 0);
	scene_end(s, SECOND, &probes[SECOND], ERR_CANCELLED, 0, 0);
	scene_free(s);
}

static bool first_probes_anew(struct scene *s)
{
	return scene_try(s, FIRST, "a", "m", ERR_OK, 200);
}

/* promises: C6 */
static void test_a_probe_without_a_word_is_made_again(void **state)
{
	struct scene *s = scene_new(true, SOON "probe_ms: 60000}\n" UPSTREAM);

	scene_until(s, first_fails_until_the_second_is_stopped);
	scene_until(s, first_probes);
	scene_end(s, FIRST, &probes[FIRST], ERR_CANCELLED, 0, 0);
	scene_until(s, first_probes_anew);
	scene_free(s);
}

/* ---- a ramp ---- */

static bool probe_is_answered(struct scene *s)
{
	return scene_try(s, FIRST, "a", "m", ERR_OK, 200);
}

static struct scene *scene_ramping(void)
{
	struct scene *s = scene_new(false, SOON "ramp_ms: 60000}\n" UPSTREAM);

	while (scene_try(s, FIRST, "a", "m", ERR_UP_500, 500))
		;
	scene_until(s, probe_is_answered);
	return s;
}

static const struct permit_ask *ask_of(struct scene *s)
{
	static struct permit_ask ask;

	ask = (struct permit_ask){
		.upstream = &s->config->upstreams[0], .key = "a", .model = "m", .ceiling = 1000};
	return &ask;
}

/* Another upstream stands in for those that are refused here, so none of them waits.
 * promises: C6 */
static void test_a_ramp_lets_its_share_through_while_another_stands_in(void **state)
{
	struct scene *s = scene_ramping();
	int granted = 0;

	for (int i = 0; i < JOBS; i++) {
		struct permit permit = {.scope = NULL};

		if (permit_look(s->workers[FIRST], &permit, ask_of(s)).answer != PERMIT_GRANTED)
			continue;
		assert_int_equal(
			permit_take(s->workers[FIRST], &permit, ask_of(s)).answer, PERMIT_GRANTED);
		scene_end(s, FIRST, &permit, ERR_OK, 200, 0);
		granted++;
	}
	assert_in_range(granted, JOBS * 5 / 100, JOBS * 5 / 100 + 2);
	scene_free(s);
}

/* promises: C6 */
static void test_a_job_that_asks_again_is_one_draw_of_a_ramp(void **state)
{
	struct scene *s = scene_ramping();
	struct permit permit = {.scope = NULL};
	int granted = 0;

	while (scene_try(s, FIRST, "a", "m", ERR_OK, 200))
		;
	for (int i = 0; i < JOBS; i++)
		granted +=
			permit_look(s->workers[FIRST], &permit, ask_of(s)).answer == PERMIT_GRANTED;
	assert_int_equal(granted, 0);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_probe_that_was_taken_over_is_not_made_again),
		cmocka_unit_test(test_a_probe_without_a_word_is_made_again),
		cmocka_unit_test(test_a_ramp_lets_its_share_through_while_another_stands_in),
		cmocka_unit_test(test_a_job_that_asks_again_is_one_draw_of_a_ramp),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
