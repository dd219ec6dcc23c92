/* What calls may use, at each level: one worker, two, and what is left when Redis is gone. */
#include "permit_asks.h"
#include "upstreams/permit_inside.h"
#include "upstreams/permit_spare.h"

#include <math.h>

enum { FIRST, SECOND, CALLS = 10, ENOUGH = 20 };

/* Nothing comes back while a test runs. */
static const struct permit_limit limit = {.per_minute = 1e-3, .burst = PAYER_CALL * CALLS};
static const struct id tenant = {{1}}, other = {{2}};

static struct permit_verdict take(
	struct scene *s, size_t worker, struct id whose, struct permit *permit)
{
	return scene_ask_as(s, worker, whose, NULL, permit);
}

static void drop(struct scene *s, size_t worker, struct permit *permit)
{
	scene_end(s, worker, permit, ERR_CANCELLED, 0, 0);
}

/* promises: S1.2, C14 */
static void test_over_its_limit_a_tenant_is_parked_and_others_go(void **state)
{
	struct scene *s = scene_new(false, PAYER_UPSTREAM);
	struct permit permit, mine = {.scope = NULL};
	struct permit_verdict verdict;

	s->limit = limit;
	for (int i = 0; i < CALLS; i++) {
		permit = (struct permit){.scope = NULL};
		assert_int_equal(take(s, FIRST, tenant, &permit).answer, PERMIT_GRANTED);
		scene_end_booked(s, FIRST, &permit, PAYER_CALL);
	}
	verdict = take(s, FIRST, tenant, &mine);
	assert_int_equal(verdict.answer, PERMIT_PARK);
	assert_int_equal(verdict.err, ERR_TENANT_TOKENS);
	assert_int_equal(permit_block_wait(verdict.by), JOB_WAIT_LIMIT);
	assert_false(id_is_zero(verdict.line));
	permit = (struct permit){.scope = NULL};
	assert_int_equal(take(s, FIRST, other, &permit).answer, PERMIT_GRANTED);
	scene_end_booked(s, FIRST, &permit, PAYER_CALL);
	scene_free(s);
}

/* promises: S1.2, C14 */
static void test_what_was_not_used_comes_back_and_what_was_more_is_paid(void **state)
{
	struct scene *s = scene_new(false, PAYER_UPSTREAM);
	struct permit permit = {.scope = NULL};

	s->limit = limit;
	for (int i = 0; i < 10 * CALLS; i++) {
		assert_int_equal(take(s, FIRST, tenant, &permit).answer, PERMIT_GRANTED);
		scene_end_booked(s, FIRST, &permit, i % 2 ? 0 : 1);
	}
	assert_int_equal(take(s, FIRST, tenant, &permit).answer, PERMIT_GRANTED);
	scene_end_booked(s, FIRST, &permit, PAYER_CALL * CALLS);
	assert_int_equal(take(s, FIRST, tenant, &permit).answer, PERMIT_PARK);
	scene_free(s);
}

/* promises: S1.2 */
static void test_who_waits_for_tokens_stands_before_nobody(void **state)
{
	struct scene *s = scene_new(false, "pacing: {park_after_ms: 60000}\n" PAYER_UPSTREAM);
	struct permit held = {.scope = NULL}, waits = held, next = held, theirs = held;

	/* a call's worth comes back in half the time that a job may wait */
	s->limit = (struct permit_limit){.per_minute = 2 * PAYER_CALL, .burst = PAYER_CALL};
	assert_int_equal(take(s, FIRST, tenant, &held).answer, PERMIT_GRANTED);
	assert_int_equal(take(s, FIRST, tenant, &waits).answer, PERMIT_WAIT);
	assert_int_equal(take(s, FIRST, other, &theirs).answer, PERMIT_GRANTED);
	/* two calls' worth would come in time, but its own do not overtake it */
	scene_end_booked(s, FIRST, &held, 0);
	assert_int_equal(take(s, FIRST, tenant, &next).by, PERMIT_TOKENS);
	permits_again(s->workers[FIRST]);
	assert_int_equal(take(s, FIRST, tenant, &waits).answer, PERMIT_GRANTED);
	drop(s, FIRST, &next);
	scene_end_booked(s, FIRST, &waits, PAYER_CALL);
	scene_end_booked(s, FIRST, &theirs, PAYER_CALL);
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
	struct scene *s = scene_new(false, PAYER_UPSTREAM);
	struct permit_verdict verdict;

	unknown = (struct permit){.scope = NULL};
	s->limit = (struct permit_limit){.per_minute = -1};
	verdict = take(s, FIRST, tenant, &unknown);
	assert_int_equal(verdict.answer, PERMIT_WAIT);
	assert_int_equal(verdict.by, PERMIT_COPY);
	s->limit = limit;
	scene_until(s, is_granted);
	assert_int_equal(unknown.payers.n, 1);
	scene_end_booked(s, FIRST, &unknown, PAYER_CALL);
	scene_free(s);
}

/* A limit that is taken away holds nobody back who waits for it, here or in the record. */
static void test_a_limit_that_is_gone_lets_those_go_that_wait(void **state)
{
	struct scene *s = scene_new(false, "pacing: {park_after_ms: 60000}\n" PAYER_UPSTREAM);
	struct permit held = {.scope = NULL}, waits = held;
	struct parked_line lines[4];

	s->limit = (struct permit_limit){.per_minute = 2 * PAYER_CALL, .burst = PAYER_CALL};
	assert_int_equal(take(s, FIRST, tenant, &held).answer, PERMIT_GRANTED);
	assert_int_equal(take(s, FIRST, tenant, &waits).answer, PERMIT_WAIT);
	s->limit = (struct permit_limit){.per_minute = 0};
	permits_again(s->workers[FIRST]);
	assert_int_equal(take(s, FIRST, tenant, &waits).answer, PERMIT_GRANTED);
	assert_int_equal(waits.payers.n, 0);
	scene_end_booked(s, FIRST, &waits, PAYER_CALL);
	scene_end_booked(s, FIRST, &held, PAYER_CALL);
	s->limit = limit;
	assert_int_equal(take(s, FIRST, tenant, &waits).answer, PERMIT_PARK);
	assert_int_equal(permits_spare(s->workers[FIRST], lines, 4), 0);
	s->limit = (struct permit_limit){.per_minute = 0};
	assert_int_equal(permits_spare(s->workers[FIRST], lines, 4), 1);
	scene_free(s);
}

/* promises: S1.2, C14 */
static void test_who_waits_for_an_upstream_keeps_nobody_parked(void **state)
{
	struct scene *s = scene_new(false, PAYER_UPSTREAM);
	struct permit calls = {.scope = NULL}, waits = {.scope = NULL}, permit;
	const struct permit_ask crowded = {.upstream = &s->config->upstreams[0],
		.key = "b",
		.model = "m",
		.ceiling = 1,
		.input_bytes = 40,
		.output_max = PAYER_CALL - 10,
		.tenant = tenant};
	struct parked_line lines[4];

	s->limit = limit;
	assert_int_equal(permit_take(s->workers[FIRST], &calls, &crowded).answer, PERMIT_GRANTED);
	assert_int_equal(permit_take(s->workers[FIRST], &waits, &crowded).answer, PERMIT_WAIT);
	for (int i = 1; i < CALLS; i++) {
		permit = (struct permit){.scope = NULL};
		assert_int_equal(take(s, FIRST, tenant, &permit).answer, PERMIT_GRANTED);
		scene_end_booked(s, FIRST, &permit, PAYER_CALL);
	}
	permit = (struct permit){.scope = NULL};
	assert_int_equal(take(s, FIRST, tenant, &permit).answer, PERMIT_PARK);
	assert_int_equal(permits_spare(s->workers[FIRST], lines, 4), 0);
	s->limit.per_minute = 0;
	assert_int_equal(permits_spare(s->workers[FIRST], lines, 4), 1);
	drop(s, FIRST, &waits);
	scene_end_booked(s, FIRST, &calls, PAYER_CALL);
	scene_free(s);
}

/* ---- other levels ---- */

static void spend(struct scene *s, struct id whose, const char *principal, int calls, double booked)
{
	for (int i = 0; i < calls; i++) {
		struct permit permit = {.scope = NULL};

		assert_int_equal(
			scene_ask_as(s, FIRST, whose, principal, &permit).answer, PERMIT_GRANTED);
		scene_end_booked(s, FIRST, &permit, booked);
	}
}

static enum err refusal(struct scene *s, struct id whose, const char *principal)
{
	struct permit permit = {.scope = NULL};
	const struct permit_verdict verdict = scene_ask_as(s, FIRST, whose, principal, &permit);

	if (verdict.answer == PERMIT_PARK)
		return verdict.err;
	assert_int_equal(verdict.answer, PERMIT_GRANTED);
	scene_end_booked(s, FIRST, &permit, 0);
	return ERR_OK;
}

/* promises: S1.2, C14 */
static void test_who_shares_a_limit_waits_and_all_others_go(void **state)
{
	static const struct {
		enum limit_level level;
		enum err err;
		const char *shares, *goes;
		struct id whose; /* those two */
	} cases[] = {
		{LIMIT_TOKENS_USER, ERR_USER_TOKENS, "usr_a other", "usr_b guest", {{1}}},
		{LIMIT_TOKENS_USER, ERR_USER_TOKENS, NULL, "usr_a guest", {{2}}},
		{LIMIT_TOKENS_ROLE, ERR_ROLE_TOKENS, "usr_b other guest", "usr_a other", {{1}}},
		{LIMIT_TOKENS_ROLE, ERR_ROLE_TOKENS, NULL, "usr_a guest", {{2}}},
		{LIMIT_TOKENS_GLOBAL, ERR_GLOBAL_TOKENS, "usr_b", NULL, {{2}}},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene *s = scene_new(false, PAYER_UPSTREAM);

		s->others[cases[i].level] = limit;
		spend(s, tenant, "usr_a guest", CALLS, PAYER_CALL);
		assert_int_equal(refusal(s, tenant, "usr_a guest"), cases[i].err);
		if (cases[i].shares)
			assert_int_equal(refusal(s, cases[i].whose, cases[i].shares), cases[i].err);
		if (cases[i].goes)
			assert_int_equal(refusal(s, cases[i].whose, cases[i].goes), ERR_OK);
		scene_free(s);
	}
}

/* promises: S1.2 */
static void test_what_one_level_refuses_is_charged_at_none(void **state)
{
	struct scene *s = scene_new(false, PAYER_UPSTREAM);
	char name[16];

	s->limit = limit;
	s->others[LIMIT_TOKENS_USER] =
		(struct permit_limit){.per_minute = 1e-3, .burst = PAYER_CALL};
	for (int i = 1; i < CALLS; i++) {
		(void)snprintf(name, sizeof name, "usr_%d", i);
		spend(s, tenant, name, 1, PAYER_CALL);
		for (int k = 0; k < CALLS; k++)
			assert_int_equal(refusal(s, tenant, name), ERR_USER_TOKENS);
	}
	spend(s, tenant, "usr_last", 1, PAYER_CALL);
	assert_int_equal(refusal(s, tenant, "usr_new"), ERR_TENANT_TOKENS);
	scene_free(s);
}

/* promises: S1.2 */
static void test_what_a_call_used_is_settled_at_every_level(void **state)
{
	static const struct {
		enum limit_level level;
		enum err err;
	} cases[] = {{LIMIT_TOKENS_USER, ERR_USER_TOKENS}, {LIMIT_TOKENS_ROLE, ERR_ROLE_TOKENS},
		{LIMIT_TOKENS_GLOBAL, ERR_GLOBAL_TOKENS}};
	static const char who[] = "usr_a guest";

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct scene *s = scene_new(false, PAYER_UPSTREAM);

		s->limit = (struct permit_limit){.per_minute = 1e-3, .burst = 1e6};
		for (enum limit_level at = LIMIT_TOKENS; at < LIMIT_LEVELS; at++)
			s->others[at] = at == cases[i].level ? limit : s->limit;
		spend(s, tenant, who, 5 * CALLS, 1);
		spend(s, tenant, who, 1, PAYER_CALL * CALLS);
		assert_int_equal(refusal(s, tenant, who), cases[i].err);
		scene_free(s);
	}
}

/* Both lack them: a job stands with the one that will lack them longer, so it comes back once. */
static void test_a_job_waits_where_tokens_lack_longest(void **state)
{
	static const struct permit_limit soon = {.per_minute = 2 * PAYER_CALL, .burst = PAYER_CALL},
					 late = {.per_minute = PAYER_CALL / 10.0,
						 .burst = PAYER_CALL};

	for (int users = 0; users < 2; users++) {
		struct scene *s = scene_new(false, PAYER_UPSTREAM);

		s->limit = users ? soon : late;
		s->others[LIMIT_TOKENS_USER] = users ? late : soon;
		spend(s, tenant, "usr_a", 1, PAYER_CALL);
		assert_int_equal(
			refusal(s, tenant, "usr_a"), users ? ERR_USER_TOKENS : ERR_TENANT_TOKENS);
		scene_free(s);
	}
}

/* ---- a fleet ---- */

static const char *caller;
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
		const enum permit_answer answer = (permits_again(s->workers[w]),
			scene_ask_as(s, w, tenant, caller, &asks[w]).answer);

		refused[w] += answer == PERMIT_PARK;
		if (answer != PERMIT_GRANTED)
			continue;
		refused[w] = 0;
		s->granted++;
		scene_end_booked(s, w, &asks[w], PAYER_CALL);
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
	struct scene *s = scene_new(true, PAYER_UPSTREAM);

	s->limit = limit;
	scene_until(s, are_shared);
	assert_int_equal(both_spend(s), CALLS);
	scene_free(s);
}

/* promises: S1.2 */
static void test_a_redis_that_was_emptied_allows_nothing_anew(void **state)
{
	struct scene *s = scene_new(true, PAYER_UPSTREAM);

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

/* promises: S1.2, C14 */
static void test_two_workers_spend_what_the_tightest_level_allows(void **state)
{
	static const enum limit_level tightest[] = {
		LIMIT_TOKENS_USER, LIMIT_TOKENS_ROLE, LIMIT_TOKENS_GLOBAL};

	for (size_t i = 0; i < sizeof tightest / sizeof *tightest; i++) {
		struct scene *s = scene_new(true, PAYER_UPSTREAM);

		s->limit =
			(struct permit_limit){.per_minute = 1e-3, .burst = 2 * PAYER_CALL * CALLS};
		for (enum limit_level at = LIMIT_TOKENS; at < LIMIT_LEVELS; at++)
			s->others[at] = at == tightest[i] ? limit : s->limit;
		caller = "usr_a guest";
		scene_until(s, are_shared);
		assert_int_equal(both_spend(s), CALLS);
		redis_stop(&s->redis);
		scene_until(s, none_is_shared);
		assert_int_equal(both_spend(s), 0);
		caller = NULL;
		scene_free(s);
	}
}

static bool both_heard_of_the_limit(struct scene *s)
{
	bool both = true;

	for (size_t w = 0; w < SCENE_WORKERS; w++) {
		struct permit permit = {.scope = NULL};

		both = take(s, w, tenant, &permit).answer == PERMIT_GRANTED && both;
		scene_end_booked(s, w, &permit, 0);
	}
	return both;
}

/* promises: S1.2 */
static void test_without_redis_each_worker_has_its_share(void **state)
{
	struct scene *s = scene_new(true, PAYER_UPSTREAM);

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
		cmocka_unit_test(test_who_waits_for_an_upstream_keeps_nobody_parked),
		cmocka_unit_test(test_who_shares_a_limit_waits_and_all_others_go),
		cmocka_unit_test(test_what_one_level_refuses_is_charged_at_none),
		cmocka_unit_test(test_what_a_call_used_is_settled_at_every_level),
		cmocka_unit_test(test_a_job_waits_where_tokens_lack_longest),
		cmocka_unit_test(test_two_workers_spend_what_the_tightest_level_allows),
		cmocka_unit_test(test_two_workers_spend_what_one_limit_allows),
		cmocka_unit_test(test_a_redis_that_was_emptied_allows_nothing_anew),
		cmocka_unit_test(test_without_redis_each_worker_has_its_share),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
