/* Leave to call, as one worker gives it: what stands in the way, who waits, who is parked. */
#include "permit_asks.h"
#include "upstreams/permit_inside.h"

#define UPSTREAM "upstreams: [{name: up, base_url: \"http://127.0.0.1:1/v1\", models: [\"*\"]"

enum { W = 0 };

static struct permit_verdict ask_as(
	struct scene *s, struct permit *permit, bool retry, int64_t ceiling)
{
	const struct permit_ask ask = {.upstream = &s->config->upstreams[0],
		.key = "a",
		.model = "m",
		.ceiling = ceiling,
		.input_bytes = 40,
		.retry = retry};

	return permit_take(s->workers[W], permit, &ask);
}

/* promises: C5 */
static void test_retries_beyond_the_budget_wait_and_first_attempts_go(void **state)
{
	struct scene *s = scene_new(false, UPSTREAM "}]\n");
	struct permit_verdict verdict;
	int retries = 0;

	for (; retries < 100; retries++) {
		struct permit permit = {.scope = NULL};

		verdict = ask_as(s, &permit, true, 1000);
		if (verdict.answer != PERMIT_GRANTED)
			break;
		/* a good answer would give it back */
		scene_end(s, W, &permit, ERR_CANCELLED, 0, 0);
		assert_true(scene_try(s, W, "a", "m", ERR_OK, 200));
	}
	/* ten that were saved, and a fifth of the first attempts */
	assert_in_range(retries, 10, 14);
	assert_int_equal(verdict.by, PERMIT_BUDGET);
	assert_true(scene_try(s, W, "a", "m", ERR_OK, 200));
	scene_free(s);
}

/* promises: C4, C6 */
static void test_few_wait_for_a_place_and_the_others_are_parked_apart(void **state)
{
	struct scene *s = scene_new(false, UPSTREAM "}]\n");
	struct permit held = {.scope = NULL}, permits[50] = {{.scope = NULL}};
	int64_t before_ms = 0;
	int waiting = 0;

	assert_int_equal(ask_as(s, &held, false, 1).answer, PERMIT_GRANTED);
	for (size_t i = 0; i < 50; i++) {
		const struct permit_verdict verdict = ask_as(s, &permits[i], false, 1);

		waiting += verdict.answer == PERMIT_WAIT;
		if (verdict.answer == PERMIT_WAIT)
			continue;
		assert_int_equal(verdict.answer, PERMIT_PARK);
		assert_int_equal(permit_block_wait(verdict.by), JOB_WAIT_LIMIT);
		assert_true(verdict.park_ms > before_ms);
		before_ms = verdict.park_ms;
	}
	assert_int_equal(waiting, 2);
	for (size_t i = 0; i < 50; i++)
		scene_end(s, W, &permits[i], ERR_CANCELLED, 0, 0);
	scene_end(s, W, &held, ERR_OK, 200, 0);
	scene_free(s);
}

/* promises: C12 */
static void test_first_come_first_served(void **state)
{
	struct scene *s = scene_new(false, UPSTREAM "}]\n");
	struct permit a = {.scope = NULL}, b = a, c = a, late = a;

	assert_int_equal(ask_as(s, &a, false, 1).answer, PERMIT_GRANTED);
	assert_int_equal(ask_as(s, &b, false, 1).answer, PERMIT_WAIT);
	assert_int_equal(ask_as(s, &c, false, 1).answer, PERMIT_WAIT);
	scene_end(s, W, &a, ERR_OK, 200, 0);
	assert_int_equal(ask_as(s, &late, false, 1).answer, PERMIT_PARK);
	permits_again(s->workers[W]);
	assert_int_equal(ask_as(s, &b, false, 1).answer, PERMIT_GRANTED);
	assert_int_equal(ask_as(s, &c, false, 1).answer, PERMIT_WAIT);
	scene_end(s, W, &b, ERR_OK, 200, 0);
	permits_again(s->workers[W]);
	assert_int_equal(ask_as(s, &c, false, 1).answer, PERMIT_GRANTED);
	scene_end(s, W, &c, ERR_OK, 200, 0);
	scene_free(s);
}

/* Sums of fractions that are taken apart again do not end at zero by themselves. */
static void test_who_left_wants_nothing_any_more(void **state)
{
	struct scene *s = scene_new(false, UPSTREAM "}]\n");
	struct permit held = {.scope = NULL}, a = held, b = held;
	const struct permit_outcome outcome = {.status = 200, .tokens = 300, .output_tokens = 123};
	const struct permit_ask large = {.upstream = &s->config->upstreams[0],
		.key = "a",
		.model = "m",
		.ceiling = 1,
		.input_bytes = 1 << 20};
	const struct scope *scope;

	for (int i = 0; i < 5; i++) {
		assert_int_equal(ask_as(s, &held, false, 1).answer, PERMIT_GRANTED);
		permit_end(s->workers[W], &held, &outcome);
	}
	assert_int_equal(ask_as(s, &held, false, 1).answer, PERMIT_GRANTED);
	assert_int_equal(ask_as(s, &a, false, 1).answer, PERMIT_WAIT);
	scope = a.scope;
	assert_int_equal(permit_take(s->workers[W], &b, &large).answer, PERMIT_WAIT);
	scene_end(s, W, &b, ERR_CANCELLED, 0, 0);
	scene_end(s, W, &a, ERR_CANCELLED, 0, 0);
	assert_true(scope->quota[RATE_TOKENS].wanted == 0);
	scene_end(s, W, &held, ERR_OK, 200, 0);
	scene_free(s);
}

/* How many calls of that output get leave at once; nothing is given back. */
static int granted_with(const char *learned_at, int64_t output_max)
{
	struct scene *s = scene_new(false, learned_at);
	const struct permit_ask ask = {.upstream = &s->config->upstreams[0],
		.key = "a",
		.model = "m",
		.ceiling = 1000,
		.input_bytes = 40,
		.output_max = output_max};
	struct permit permit;
	int n = 0;

	for (;; n++) {
		permit = (struct permit){.scope = NULL};
		if (permit_take(s->workers[W], &permit, &ask).answer != PERMIT_GRANTED)
			break;
	}
	permit_end(s->workers[W], &permit, &(struct permit_outcome){.err = ERR_CANCELLED});
	scene_free(s);
	return n;
}

/* Ten tokens of input each. What calls lately used (256 at first) is what the next may use, unless
 * it may not use so much.
 * promises: C14 */
static void test_a_call_takes_no_more_tokens_than_it_may_use(void **state)
{
	static const char limits[] = "pacing: {headroom_percent: 0, burst_ms: 60000}\n" UPSTREAM
				     ", tokens_per_minute: 1000}]\n";

	assert_in_range(granted_with(limits, 40), 20, 22);
	assert_in_range(granted_with(limits, 0), 3, 4);
	assert_in_range(granted_with(limits, 1 << 20), 3, 4);
}

/* promises: C14 */
static void test_the_first_call_that_ended_tells_the_size_of_the_next(void **state)
{
	struct scene *s = scene_new(false, UPSTREAM "}]\n");
	const struct permit_outcome outcome = {
		.status = 200, .tokens = 3002, .output_tokens = 3000};
	struct permit permit = {.scope = NULL};

	assert_int_equal(ask_as(s, &permit, false, 1000).answer, PERMIT_GRANTED);
	permit_end(s->workers[W], &permit, &outcome);
	assert_int_equal(ask_as(s, &permit, false, 1000).answer, PERMIT_GRANTED);
	assert_true(permit.tokens == 3010);
	assert_true(permit.scope->call_tokens == 3002);
	permit_end(s->workers[W], &permit, &outcome);
	scene_free(s);
}

/* What the first call is held by that gets no leave, one of ceiling at a time. */
static enum hold held_with(const char *limits, int64_t ceiling)
{
	struct scene *s = scene_new(false, limits);
	struct permit permit;
	struct permit_verdict verdict;

	do {
		permit = (struct permit){.scope = NULL};
		verdict = ask_as(s, &permit, false, ceiling);
	} while (verdict.answer == PERMIT_GRANTED);
	permit_end(s->workers[W], &permit, &(struct permit_outcome){.err = ERR_CANCELLED});
	scene_free(s);
	return verdict.hold;
}

/* promises: S1.9, C14 */
static void test_who_gets_no_leave_is_told_which_limit_it_was(void **state)
{
#define LIMITS(more) "pacing: {headroom_percent: 0, burst_ms: 60000}\n" UPSTREAM more "}]\n"
	assert_int_equal(held_with(LIMITS(", requests_per_minute: 5"), 1000), HOLD_REQUESTS);
	assert_int_equal(held_with(LIMITS(", tokens_per_minute: 1000"), 1000), HOLD_TOKENS);
	assert_int_equal(held_with(LIMITS(""), 3), HOLD_CONCURRENCY);
#undef LIMITS
}

static struct permit hanging[20];

static bool late_by_now(struct scene *s)
{
	for (size_t i = 0; i < 20; i++)
		permit_look_late(s->workers[W], &hanging[i]);
	return !scene_try(s, W, "a", "m", ERR_CANCELLED, 0) && s->last == PERMIT_BREAKER;
}

/* promises: C6 */
static void test_calls_that_hang_open_the_breaker_while_they_hang(void **state)
{
	struct scene *s = scene_new(false,
		"breaker: {slow_first_token_ms: 50, failures_in_row: 0, calls_min: 20}\n" UPSTREAM
		"}]\n");

	memset(hanging, 0, sizeof(hanging));
	for (size_t i = 0; i < 20; i++)
		assert_int_equal(ask_as(s, &hanging[i], false, 1000).answer, PERMIT_GRANTED);
	scene_until(s, late_by_now);
	for (size_t i = 0; i < 20; i++)
		scene_end(s, W, &hanging[i], ERR_UP_FIRST_BYTE, 0, 0);
	scene_free(s);
}

static void seen(void *owner, const struct permit_view *view)
{
	*(struct permit_view *)owner = *view;
}

static bool looked_at_it_may_be_called(struct scene *s)
{
	struct permit none = {.scope = NULL};
	const struct permit_ask ask = {
		.upstream = &s->config->upstreams[0], .key = "a", .model = "m", .ceiling = 1000};

	return permit_look(s->workers[W], &none, &ask).answer == PERMIT_GRANTED;
}

static bool looked_at_it_closes(struct scene *s)
{
	struct permit_view view = {.breaker = BREAKER_OPEN};

	if (looked_at_it_may_be_called(s))
		(void)scene_try(s, W, "a", "m", ERR_OK, 200);
	permits_each(s->workers[W], seen, &view);
	return view.breaker == BREAKER_CLOSED;
}

static bool asked_it_closes(struct scene *s)
{
	struct permit_view view = {.breaker = BREAKER_OPEN};

	(void)scene_try(s, W, "a", "m", ERR_OK, 200);
	permits_each(s->workers[W], seen, &view);
	return view.breaker == BREAKER_CLOSED;
}

static struct scene *scene_with_an_open_breaker(void)
{
	struct scene *s = scene_new(false,
		"breaker: {open_base_ms: 100, open_max_ms: 100, ramp_ms: 50}\n" UPSTREAM "}]\n");

	while (scene_try(s, W, "a", "m", ERR_UP_500, 500))
		;
	assert_int_equal(s->last, PERMIT_BREAKER);
	return s;
}

/* promises: C6, C16 */
static void test_without_redis_a_breaker_closes_again(void **state)
{
	struct scene *s = scene_with_an_open_breaker();

	scene_until(s, asked_it_closes);
	scene_free(s);
}

/* Another upstream stands in, so that all the failed one gets is looks.
 * promises: C6 */
static void test_who_is_only_looked_at_is_tried_again(void **state)
{
	struct scene *s = scene_with_an_open_breaker();

	scene_until(s, looked_at_it_may_be_called);
	scene_until(s, looked_at_it_closes);
	scene_free(s);
}

/* promises: C14 */
static void test_a_429_lowers_how_many_are_called_at_a_time(void **state)
{
	struct scene *s = scene_new(false, UPSTREAM "}]\n");
	struct permit permits[10] = {{.scope = NULL}};
	struct permit_view view = {.limit = 0};

	for (size_t i = 0; i < 10; i++)
		assert_int_equal(ask_as(s, &permits[i], false, 1000).answer, PERMIT_GRANTED);
	scene_end(s, W, &permits[0], ERR_UP_RATE, 429, 0);
	permits_each(s->workers[W], seen, &view);
	assert_int_equal(view.limit, 7);
	assert_int_equal(view.in_flight, 9);
	assert_false(permits_are_shared(s->workers[W]));
	for (size_t i = 1; i < 10; i++)
		scene_end(s, W, &permits[i], ERR_OK, 200, 0);
	scene_free(s);
}

/* promises: C5 */
static void test_a_rate_limit_is_no_failure_of_the_upstream(void **state)
{
	struct scene *s =
		scene_new(false, "breaker: {failures_in_row: 3, calls_min: 3}\n" UPSTREAM "}]\n");

	for (int i = 0; i < 50; i++)
		assert_true(scene_try(s, W, "a", "m", ERR_UP_RATE, 429));
	for (int i = 0; i < 50; i++)
		assert_true(scene_try(s, W, "a", "m", ERR_UP_REJECTED, 400));
	scene_free(s);
}

static void test_scopes_are_bounded_and_what_is_held_stays(void **state)
{
	struct scene *s = scene_new(false, UPSTREAM "}]\n");
	struct permit held;
	char model[32];

	assert_int_equal(scene_ask(s, W, "a", "kept", &held).answer, PERMIT_GRANTED);
	for (int i = 0; i < 5000; i++) {
		(void)snprintf(model, sizeof(model), "m%d", i);
		assert_true(scene_try(s, W, "a", model, ERR_OK, 200));
	}
	scene_end(s, W, &held, ERR_OK, 200, 0);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_retries_beyond_the_budget_wait_and_first_attempts_go),
		cmocka_unit_test(test_few_wait_for_a_place_and_the_others_are_parked_apart),
		cmocka_unit_test(test_first_come_first_served),
		cmocka_unit_test(test_who_left_wants_nothing_any_more),
		cmocka_unit_test(test_a_call_takes_no_more_tokens_than_it_may_use),
		cmocka_unit_test(test_the_first_call_that_ended_tells_the_size_of_the_next),
		cmocka_unit_test(test_who_gets_no_leave_is_told_which_limit_it_was),
		cmocka_unit_test(test_calls_that_hang_open_the_breaker_while_they_hang),
		cmocka_unit_test(test_without_redis_a_breaker_closes_again),
		cmocka_unit_test(test_who_is_only_looked_at_is_tried_again),
		cmocka_unit_test(test_a_429_lowers_how_many_are_called_at_a_time),
		cmocka_unit_test(test_a_rate_limit_is_no_failure_of_the_upstream),
		cmocka_unit_test(test_scopes_are_bounded_and_what_is_held_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
