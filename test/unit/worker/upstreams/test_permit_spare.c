/* Who of the parked is called sooner: as many as may call, once a place is free, the breaker is
 * closed again, retries are paid for. Time stands still in here. */
#include "permit_asks.h"
#include "upstreams/permit_inside.h"
#include "upstreams/permit_spare.h"

#define UPSTREAM "upstreams: [{name: up, base_url: \"http://127.0.0.1:1/v1\", models: [\"*\"]}]\n"

enum { W = 0, CROWD = 50, LINES = 8, PLACES = 3 };

static struct permit crowd[CROWD];

static struct permit_verdict ask_as(struct scene *s, struct permit *permit, bool retry)
{
	const struct permit_ask ask = {.upstream = &s->config->upstreams[0],
		.key = "a",
		.model = "m",
		.ceiling = PLACES,
		.input_bytes = 40,
		.retry = retry};

	return permit_take(s->workers[W], permit, &ask);
}

/* All of the crowd ask; who was sent back stands in the line that is returned. */
static struct id park(struct scene *s, bool retry, enum permit_block by)
{
	struct id line = {{0}};

	memset(crowd, 0, sizeof(crowd));
	for (size_t i = 0; i < CROWD; i++) {
		const struct permit_verdict verdict = ask_as(s, &crowd[i], retry);

		if (verdict.answer != PERMIT_PARK)
			continue;
		assert_int_equal(verdict.by, by);
		assert_true(id_is_zero(line) || id_equal(line, verdict.line));
		line = verdict.line;
	}
	assert_false(id_is_zero(line));
	return line;
}

/* Those who wait here leave. */
static void disperse(struct scene *s)
{
	for (size_t i = 0; i < CROWD; i++)
		if (crowd[i].stage == PERMIT_WAITS)
			scene_end(s, W, &crowd[i], ERR_CANCELLED, 0, 0);
}

static size_t spare_of(struct scene *s, struct id line)
{
	struct parked_line lines[LINES];
	const size_t n = permits_spare(s->workers[W], lines, LINES);

	for (size_t i = 0; i < n; i++)
		if (id_equal(lines[i].id, line))
			return lines[i].n;
	return 0;
}

static void call(struct scene *s, bool retry)
{
	struct permit permit = {.scope = NULL};

	assert_int_equal(ask_as(s, &permit, retry).answer, PERMIT_GRANTED);
	scene_end(s, W, &permit, ERR_OK, 200, 0);
}

/* promises: C14 */
static void test_as_many_are_called_as_places_are_free(void **state)
{
	struct scene *s = scene_new(false, UPSTREAM);
	struct permit held[PLACES] = {{.scope = NULL}};
	struct id line;

	for (size_t i = 0; i < PLACES; i++)
		assert_int_equal(ask_as(s, &held[i], false).answer, PERMIT_GRANTED);
	line = park(s, false, PERMIT_CONCURRENCY);
	assert_int_equal(spare_of(s, line), 0);
	scene_end(s, W, &held[0], ERR_OK, 200, 0);
	scene_end(s, W, &held[1], ERR_OK, 200, 0);
	assert_int_equal(spare_of(s, line), 0); /* those who wait here are first */
	disperse(s);
	assert_int_equal(spare_of(s, line), 2);
	assert_int_equal(spare_of(s, line), 0); /* they are on their way */
	call(s, false);
	assert_int_equal(spare_of(s, line), 0);
	call(s, false);
	assert_int_equal(spare_of(s, line), 2);
	scene_end(s, W, &held[2], ERR_OK, 200, 0);
	scene_free(s);
}

/* promises: C6 */
static void test_a_breaker_that_closes_calls_those_it_held_back(void **state)
{
	struct scene *s = scene_new(false, "breaker: {failures_in_row: 5}\n" UPSTREAM);
	struct permit first = {.scope = NULL};
	struct guard *breaker;
	struct id line;

	assert_int_equal(ask_as(s, &first, false).answer, PERMIT_GRANTED);
	breaker = first.scope->breaker;
	scene_end(s, W, &first, ERR_UP_502, 502, 0);
	for (int i = 1; i < 5; i++)
		assert_true(scene_try(s, W, "a", "m", ERR_UP_502, 502));
	assert_int_equal(breaker->now.state, BREAKER_OPEN);
	line = park(s, false, PERMIT_BREAKER);
	disperse(s);
	assert_int_equal(spare_of(s, line), 0);
	breaker->now.state = BREAKER_RAMPING;
	assert_int_equal(spare_of(s, line), 0);
	breaker->now.state = BREAKER_CLOSED;
	assert_true(spare_of(s, line) >= PLACES);
	scene_free(s);
}

#define TWO_KEYS                                                     \
	"upstream_keys: [{upstream: up, label: a, file: /dev/null}," \
	" {upstream: up, label: b, file: /dev/null}]\n"

/* Which key is looked at depends on the moment; each of them is good enough when it is released.
 * promises: C6, S1.12 */
static void test_one_key_that_is_released_calls_those_who_wait_for_another(void **state)
{
	struct scene *s = scene_new(false, UPSTREAM TWO_KEYS);
	struct permit first = {.scope = NULL}, other = {.scope = NULL};
	struct breaker *a, *b;
	struct id line;

	assert_int_equal(ask_as(s, &first, false).answer, PERMIT_GRANTED);
	assert_int_equal(scene_ask(s, W, "b", "m", &other).answer, PERMIT_GRANTED);
	a = &first.scope->health->now;
	b = &other.scope->health->now;
	scene_end(s, W, &first, ERR_OK, 200, 0);
	scene_end(s, W, &other, ERR_OK, 200, 0);
	a->mode = b->mode = BREAKER_BLOCK;
	a->mode_until_ms = b->mode_until_ms = INT64_MAX;
	line = park(s, false, PERMIT_KEY);
	disperse(s);
	assert_int_equal(spare_of(s, line), 0);
	b->mode = BREAKER_AUTO;
	assert_true(spare_of(s, line) > 0);
	scene_free(s);
}

/* promises: C5 */
static void test_retries_are_called_as_they_are_paid_for(void **state)
{
	struct scene *s = scene_new(false, "retry: {budget_least_per_minute: 1}\n" UPSTREAM);
	struct permit permit = {.scope = NULL};
	struct id line;

	/* a good answer would give it back */
	while (ask_as(s, &permit, true).answer == PERMIT_GRANTED)
		scene_end(s, W, &permit, ERR_CANCELLED, 0, 0);
	scene_end(s, W, &permit, ERR_CANCELLED, 0, 0);
	line = park(s, true, PERMIT_BUDGET);
	disperse(s);
	assert_int_equal(spare_of(s, line), 0);
	for (int i = 0; i < 16; i++) /* a fifth of each */
		call(s, false);
	assert_int_equal(spare_of(s, line), 3);
	assert_int_equal(spare_of(s, line), 0);
	scene_free(s);
}

/* promises: C14 */
static void test_where_nobody_was_sent_back_nobody_is_called(void **state)
{
	struct scene *s = scene_new(false, UPSTREAM);
	struct parked_line lines[LINES];

	call(s, false);
	assert_int_equal(permits_spare(s->workers[W], lines, LINES), 0);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_many_are_called_as_places_are_free),
		cmocka_unit_test(test_a_breaker_that_closes_calls_those_it_held_back),
		cmocka_unit_test(test_one_key_that_is_released_calls_those_who_wait_for_another),
		cmocka_unit_test(test_retries_are_called_as_they_are_paid_for),
		cmocka_unit_test(test_where_nobody_was_sent_back_nobody_is_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
