/* What a tenant's calls may use: one worker, two, and what is left when Redis is gone. */
#include "permit_asks.h"
#include "upstreams/permit_inside.h"
#include "upstreams/permit_spare.h"

#include <math.h>

#define UPSTREAM "upstreams: [{name: up, base_url: \"http://127.0.0.1:1/v1\", models: [\"*\"]}]\n"

enum { FIRST, SECOND, CALL = 100, CALLS = 10, ENOUGH = 20 };

/* Nothing comes back while a test runs. */
static const struct permit_limit limit = {.per_minute = 1e-3, .burst = CALL * CALLS};
static const struct id tenant = {{1}}, other = {{2}};

static struct permit_verdict take(
	struct scene *s, size_t worker, struct id whose, struct permit *permit)
{
	const struct permit_ask ask = {.upstream = &s->config->upstreams[0],
		.key = "a",
		.model = "m",
		.ceiling = 1000,
		.input_bytes = 40,
		.output_max = CALL - 10,
		.tenant = whose};

	return permit_take(s->workers[worker], permit, &ask);
}

static void end(struct scene *s, size_t worker, struct permit *permit, double booked)
{
	const struct permit_outcome outcome = {
		.status = 200, .tokens = -1, .output_tokens = -1, .booked = booked};

	permit_end(s->workers[worker], permit, &outcome);
}

static void drop(struct scene *s, size_t worker, struct permit *permit)
{
	scene_end(s, worker, permit, ERR_CANCELLED, 0, 0);
}

/* promises: S1.2, C14 */
static void test_over_its_limit_a_tenant_is_parked_and_others_go(void **state)
{
	struct scene *s = scene_new(false, UPSTREAM);
	struct permit permit, mine = {.scope = NULL};
	struct permit_verdict verdict;

	s->limit = limit;
	for (int i = 0; i < CALLS; i++) {
		permit = (struct permit){.scope = NULL};
		assert_int_equal(take(s, FIRST, tenant, &permit).answer, PERMIT_GRANTED);
		end(s, FIRST, &permit, CALL);
	}
	verdict = take(s, FIRST, tenant, &mine);
	assert_int_equal(verdict.answer, PERMIT_PARK);
	assert_int_equal(permit_block_err(verdict.by), ERR_TENANT_TOKENS);
	assert_int_equal(permit_block_wait(verdict.by), JOB_WAIT_LIMIT);
	assert_false(id_is_zero(verdict.line));
	permit = (struct permit){.scope = NULL};
	assert_int_equal(take(s, FIRST, other, &permit).answer, PERMIT_GRANTED);
	end(s, FIRST, &permit, CALL);
	scene_free(s);
}

/* promises: S1.2, C14 */
static void test_what_was_not_used_comes_back_and_what_was_more_is_paid(void **state)
{
	struct scene *s = scene_new(false, UPSTREAM);
	struct permit permit = {.scope = NULL};

	s->limit = limit;
	for (int i = 0; i < 10 * CALLS; i++) {
		assert_int_equal(take(s, FIRST, tenant, &permit).answer, PERMIT_GRANTED);
		end(s, FIRST, &permit, i % 2 ? 0 : 1);
	}
	assert_int_equal(take(s, FIRST, tenant, &permit).answer, PERMIT_GRANTED);
	end(s, FIRST, &permit, CALL * CALLS);
	assert_int_equal(take(s, FIRST, tenant, &permit).answer, PERMIT_PARK);
	scene_free(s);
}

/* promises: S1.2 */
static void test_who_waits_for_tokens_stands_before_nobody(void **state)
{
	struct scene *s = scene_new(false, "pacing: {park_after_ms: 60000}\n" UPSTREAM);
	struct permit held = {.scope = NULL}, waits = held, next = held, theirs = held;

	/* a call's worth comes back in half the time that a job may wait */
	s->limit = (struct permit_limit){.per_minute = 2 * CALL, .burst = CALL};
	assert_int_equal(take(s, FIRST, tenant, &held).answer, PERMIT_GRANTED);
	assert_int_equal(take(s, FIRST, tenant, &waits).answer, PERMIT_WAIT);
	assert_int_equal(take(s, FIRST, other, &theirs).answer, PERMIT_GRANTED);
	/* two calls' worth would come in time, but its own do not overtake it */
	end(s, FIRST, &held, 0);
	assert_int_equal(take(s, FIRST, tenant, &next).by, PERMIT_TOKENS);
	permits_again(s->workers[FIRST]);
	assert_int_equal(take(s, FIRST, tenant, &waits).answer, PERMIT_GRANTED);
	drop(s, FIRST, &next);
	end(s, FIRST, &waits, CALL);
	end(s, FIRST, &theirs, CALL);
	scene_free(s);
}

static struct permit unknown;

static bool is_granted(struct scene *s)
{
	permits_again(s->workers[FIRST]);
	return take(s, FIRST, tenant, &unknown).answer == PERMIT_GRANTED;
}

/* promises: S1.2 */
static void test_until_its_limit_is_known_a_job_waits(void **state)
{
	struct scene *s = scene_new(false, UPSTREAM);
	struct permit_verdict verdict;

	unknown = (struct permit){.scope = NULL};
	s->limit = (struct permit_limit){.per_minute = -1};
	verdict = take(s, FIRST, tenant, &unknown);
	assert_int_equal(verdict.answer, PERMIT_WAIT);
	assert_int_equal(verdict.by, PERMIT_COPY);
	s->limit = limit;
	scene_until(s, is_granted);
	assert_non_null(unknown.payer);
	end(s, FIRST, &unknown, CALL);
	scene_free(s);
}

/* A limit that is taken away holds nobody back who waits for it, here or in the record. */
static void test_a_limit_that_is_gone_lets_those_go_that_wait(void **state)
{
	struct scene *s = scene_new(false, "pacing: {park_after_ms: 60000}\n" UPSTREAM);
	struct permit held = {.scope = NULL}, waits = held;
	struct parked_line lines[4];

	s->limit = (struct permit_limit){.per_minute = 2 * CALL, .burst = CALL};
	assert_int_equal(take(s, FIRST, tenant, &held).answer, PERMIT_GRANTED);
	assert_int_equal(take(s, FIRST, tenant, &waits).answer, PERMIT_WAIT);
	s->limit = (struct permit_limit){.per_minute = 0};
	permits_again(s->workers[FIRST]);
	assert_int_equal(take(s, FIRST, tenant, &waits).answer, PERMIT_GRANTED);
	assert_null(waits.payer);
	end(s, FIRST, &waits, CALL);
	end(s, FIRST, &held, CALL);
	s->limit = limit;
	assert_int_equal(take(s, FIRST, tenant, &waits).answer, PERMIT_PARK);
	assert_int_equal(permits_spare(s->workers[FIRST], lines, 4), 0);
	s->limit = (struct permit_limit){.per_minute = 0};
	assert_int_equal(permits_spare(s->workers[FIRST], lines, 4), 1);
	scene_free(s);
}

/* ---- a fleet ---- */

static struct permit asks[SCENE_WORKERS];
static int refused[SCENE_WORKERS];

static void both_begin(struct scene *s)
{
	memset(asks, 0, sizeof(asks));
	memset(refused, 0, sizeof(refused));
}

/* Both call as long as they may; true when both were sent back many times since. */
static bool both_have_spent_all(struct scene *s)
{
	for (size_t w = 0; w < SCENE_WORKERS; w++) {
		const enum permit_answer answer =
			(permits_again(s->workers[w]), take(s, w, tenant, &asks[w]).answer);

		refused[w] += answer == PERMIT_PARK;
		if (answer != PERMIT_GRANTED)
			continue;
		refused[w] = 0;
		s->granted++;
		end(s, w, &asks[w], CALL);
	}
	return refused[FIRST] > ENOUGH && refused[SECOND] > ENOUGH;
}

static bool are_shared(struct scene *s)
{
	return permits_are_shared(s->workers[FIRST]) && permits_are_shared(s->workers[SECOND]) &&
	       shared_limits_workers(s->workers[FIRST]->shared) > 1 &&
	       shared_limits_workers(s->workers[SECOND]->shared) > 1;
}

static bool none_is_shared(struct scene *s)
{
	return !permits_are_shared(s->workers[FIRST]) && !permits_are_shared(s->workers[SECOND]);
}

static int both_spend(struct scene *s)
{
	const int before = s->granted;

	both_begin(s);
	scene_until(s, both_have_spent_all);
	return s->granted - before;
}

/* promises: S1.2, C14 */
static void test_two_workers_spend_what_one_limit_allows(void **state)
{
	struct scene *s = scene_new(true, UPSTREAM);

	s->limit = limit;
	scene_until(s, are_shared);
	assert_int_equal(both_spend(s), CALLS);
	scene_free(s);
}

/* promises: S1.2 */
static void test_a_redis_that_was_emptied_allows_nothing_anew(void **state)
{
	struct scene *s = scene_new(true, UPSTREAM);

	s->limit = limit;
	scene_until(s, are_shared);
	assert_int_equal(both_spend(s), CALLS);
	redis_stop(&s->redis);
	scene_until(s, none_is_shared);
	assert_int_equal(both_spend(s), 0);
	redis_start(&s->redis);
	scene_until(s, are_shared);
	assert_int_equal(both_spend(s), 0);
	scene_free(s);
}

static bool both_heard_of_the_limit(struct scene *s)
{
	bool both = true;

	for (size_t w = 0; w < SCENE_WORKERS; w++) {
		struct permit permit = {.scope = NULL};

		both = take(s, w, tenant, &permit).answer == PERMIT_GRANTED && both;
		end(s, w, &permit, 0);
	}
	return both;
}

/* promises: S1.2 */
static void test_without_redis_each_worker_has_its_share(void **state)
{
	struct scene *s = scene_new(true, UPSTREAM);

	s->limit = limit;
	scene_until(s, are_shared);
	scene_until(s, both_heard_of_the_limit);
	redis_stop(&s->redis);
	scene_until(s, none_is_shared);
	assert_int_equal(both_spend(s), CALLS);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_over_its_limit_a_tenant_is_parked_and_others_go),
		cmocka_unit_test(test_what_was_not_used_comes_back_and_what_was_more_is_paid),
		cmocka_unit_test(test_who_waits_for_tokens_stands_before_nobody),
		cmocka_unit_test(test_until_its_limit_is_known_a_job_waits),
		cmocka_unit_test(test_a_limit_that_is_gone_lets_those_go_that_wait),
		cmocka_unit_test(test_two_workers_spend_what_one_limit_allows),
		cmocka_unit_test(test_a_redis_that_was_emptied_allows_nothing_anew),
		cmocka_unit_test(test_without_redis_each_worker_has_its_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
