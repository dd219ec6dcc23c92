/* When those come again that were sent back to the record: one after the other, over all workers.
 */
#include "permit_asks.h"

enum { CROWD = 150, LATE = 10, HOLE_MS = 4000 };

static struct permit crowd[SCENE_WORKERS][CROWD];
static bool over[SCENE_WORKERS][CROWD]; /* it may call, or was sent back */
static int64_t returns_ms[SCENE_WORKERS * CROWD];
static size_t returns_n;

/* False: it waits for the fleet's word. */
static bool is_settled(struct scene *s, size_t worker, size_t job)
{
	const struct permit_ask ask = {
		.upstream = &s->config->upstreams[0], .key = "a", .model = "m", .ceiling = 1000};
	struct permit_verdict verdict;

	if (over[worker][job])
		return true;
	verdict = permit_take(s->workers[worker], &crowd[worker][job], &ask);
	over[worker][job] = verdict.answer != PERMIT_WAIT;
	if (verdict.answer == PERMIT_PARK)
		returns_ms[returns_n++] = loop_now_ms(s->loop) + verdict.park_ms;
	return over[worker][job] || verdict.by != PERMIT_COPY;
}

/* All that have come are asked again, in their order. */
static bool are_settled(struct scene *s, size_t n)
{
	bool all = true;

	for (size_t w = 0; w < SCENE_WORKERS; w++) {
		permits_again(s->workers[w]);
		for (size_t i = 0; i < n; i++)
			all = is_settled(s, w, i) && all;
	}
	return all;
}

static bool both_hear_of_the_fleet(struct scene *s)
{
	bool all = true;

	for (size_t w = 0; w < SCENE_WORKERS; w++) {
		(void)scene_try(s, w, "a", "m", ERR_OK, 200);
		all = s->last != PERMIT_COPY && all;
	}
	return all;
}

static bool the_crowd_is_settled(struct scene *s)
{
	return are_settled(s, CROWD - LATE);
}

/* Several exchanges. */
static bool the_fleet_has_been_told(struct scene *s)
{
	return ++s->asked > 200;
}

static bool the_late_ones_are_settled(struct scene *s)
{
	return are_settled(s, CROWD);
}

static int by_time(const void *a, const void *b)
{
	const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* promises: C14 */
static void test_workers_that_park_at_once_leave_no_hole_in_the_line(void **state)
{
	struct scene *s = scene_new(true,
		"upstreams: [{name: up, base_url: \"http://127.0.0.1:1/v1\", models: [\"*\"],"
		" requests_per_minute: 600}]\n");

	scene_until(s, both_hear_of_the_fleet);
	scene_until(s, the_crowd_is_settled);
	scene_until(s, the_fleet_has_been_told);
	scene_until(s, the_late_ones_are_settled);
	assert_true(returns_n > CROWD);
	qsort(returns_ms, returns_n, sizeof(returns_ms[0]), by_time);
	for (size_t i = 1; i < returns_n; i++)
		assert_in_range(returns_ms[i] - returns_ms[i - 1], 0, HOLE_MS);
	for (size_t w = 0; w < SCENE_WORKERS; w++)
		for (size_t i = 0; i < CROWD; i++)
			scene_end(s, w, &crowd[w][i], ERR_CANCELLED, 0, 0);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_workers_that_park_at_once_leave_no_hole_in_the_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
