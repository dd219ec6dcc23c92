/* What two workers share of an upstream through a real Redis, and what is left when it is gone. */
#include "domain/permit_keys.h"
#include "permit_asks.h"
#include "upstreams/scope.h"

#define UPSTREAM "upstreams: [{name: up, base_url: \"http://127.0.0.1:1/v1\", models: [\"*\"]"
#define FAST                                                                            \
	"breaker: {open_base_ms: 100, open_max_ms: 100, ramp_ms: 200, probe_ms: 20000," \
	" failures_in_row: 5, key_base_ms: 60000}\n"

enum { FIRST, SECOND, CALLS = 400 };

/* ---- breakers ---- */

static bool first_fails_until_the_second_is_stopped(struct scene *s)
{
	(void)scene_try(s, FIRST, "a", "m", ERR_UP_500, 500);
	return !scene_try(s, SECOND, "a", "m", ERR_CANCELLED, 0) && s->last == PERMIT_BREAKER;
}

/* promises: C6 */
static void test_one_workers_failures_stop_the_other(void **state)
{
	struct scene *s = scene_new(true, FAST UPSTREAM "}]\n");

	scene_until(s, first_fails_until_the_second_is_stopped);
	scene_free(s);
}

static bool another_model_goes(struct scene *s)
{
	return scene_try(s, SECOND, "a", "other", ERR_OK, 200);
}

/* promises: C6 */
static void test_another_model_is_called_as_before(void **state)
{
	struct scene *s = scene_new(true, FAST UPSTREAM "}]\n");

	scene_until(s, first_fails_until_the_second_is_stopped);
	scene_until(s, another_model_goes);
	scene_free(s);
}

/* Both ask all the time; whoever gets the probe keeps it. */
static bool both_ask(struct scene *s)
{
	for (size_t i = 0; i < SCENE_WORKERS; i++) {
		struct permit permit;

		if (scene_ask(s, i, "a", "m", &permit).answer == PERMIT_GRANTED) {
			s->granted++;
			s->held = permit;
			s->asked = 0;
		} else {
			scene_end(s, i, &permit, ERR_CANCELLED, 0, 0);
		}
	}
	return s->granted && ++s->asked >= CALLS;
}

/* promises: C6 */
static void test_there_is_one_probe_in_the_whole_fleet(void **state)
{
	struct scene *s = scene_new(true, FAST UPSTREAM "}]\n");

	scene_until(s, first_fails_until_the_second_is_stopped);
	scene_until(s, both_ask);
	assert_int_equal(s->granted, 1);
	assert_true(s->held.probe);
	scene_free(s);
}

/* Everything that is granted is answered well, until all of a long run of asks are granted. */
static bool recovered(struct scene *s)
{
	for (size_t i = 0; i < SCENE_WORKERS; i++) {
		const bool granted = scene_try(s, i, "a", "m", ERR_OK, 200);

		s->granted += granted;
		s->asked++;
		s->in_row = granted ? s->in_row + 1 : 0;
	}
	return s->in_row > 100;
}

/* promises: C6 */
static void test_it_comes_back_by_stages(void **state)
{
	struct scene *s = scene_new(true, FAST UPSTREAM "}]\n");

	scene_until(s, first_fails_until_the_second_is_stopped);
	scene_until(s, recovered);
	/* three stages of 200 ms lie before it, in which few of the asks were granted */
	assert_true(s->granted < s->asked);
	scene_free(s);
}

/* ---- keys ---- */

static bool first_is_refused_until_the_key_is_set_aside(struct scene *s)
{
	(void)scene_try(s, FIRST, "bad", "m", ERR_UP_AUTH, 401);
	return !scene_try(s, SECOND, "bad", "other", ERR_CANCELLED, 0) && s->last == PERMIT_KEY;
}

static bool the_other_key_goes(struct scene *s)
{
	return scene_try(s, SECOND, "good", "m", ERR_OK, 200);
}

/* promises: C14 */
static void test_a_401_sets_that_key_aside_and_no_other(void **state)
{
	struct scene *s = scene_new(true, FAST UPSTREAM "}]\n");

	scene_until(s, first_is_refused_until_the_key_is_set_aside);
	scene_until(s, the_other_key_goes);
	assert_false(scene_try(s, FIRST, "bad", "m", ERR_OK, 200));
	assert_int_equal(s->last, PERMIT_KEY);
	scene_free(s);
}

/* ---- floors ---- */

static bool first_is_told_to_wait(struct scene *s)
{
	struct permit permit;

	if (scene_ask(s, FIRST, "a", "m", &permit).answer != PERMIT_GRANTED) {
		scene_end(s, FIRST, &permit, ERR_CANCELLED, 0, 0);
		return false;
	}
	scene_end(s, FIRST, &permit, ERR_UP_RATE, 429, 60000);
	return true;
}

static bool first_waits_alone(struct scene *s)
{
	(void)scene_try(s, FIRST, "a", "m", ERR_CANCELLED, 0);
	return !permits_are_shared(s->workers[FIRST]);
}

static bool second_waits_too(struct scene *s)
{
	return !scene_try(s, SECOND, "a", "m", ERR_CANCELLED, 0) && s->last == PERMIT_RETRY_AFTER;
}

/* promises: C5 */
static void test_retry_after_holds_for_all_workers(void **state)
{
	struct scene *s = scene_new(true, UPSTREAM "}]\n");

	scene_until(s, first_is_told_to_wait);
	scene_until(s, second_waits_too);
	scene_free(s);
}

static bool second_waits_too_while_the_first_asks(struct scene *s)
{
	(void)scene_try(s, FIRST, "a", "m", ERR_CANCELLED, 0);
	return second_waits_too(s);
}

static struct permit told;

static bool first_calls(struct scene *s)
{
	if (scene_ask(s, FIRST, "a", "m", &told).answer == PERMIT_GRANTED)
		return true;
	scene_end(s, FIRST, &told, ERR_CANCELLED, 0, 0);
	return false;
}

static bool no_exchange_is_under_way(struct scene *s)
{
	return !told.scope->exchanging;
}

static bool many_turns_have_passed(struct scene *s)
{
	return ++s->asked % 50 == 0;
}

/* The word goes out, and nobody hears it.
 * promises: C5, C16 */
static void test_what_was_not_told_is_told_when_redis_is_back(void **state)
{
	struct scene *s = scene_new(true, UPSTREAM "}]\n");

	scene_until(s, first_calls);
	scene_until(s, no_exchange_is_under_way);
	assert_int_equal(kill(s->redis.pid, SIGSTOP), 0);
	scene_end(s, FIRST, &told, ERR_UP_RATE, 429, 60000);
	scene_until(s, many_turns_have_passed);
	redis_stop(&s->redis);
	scene_until(s, first_waits_alone);
	redis_start(&s->redis);
	scene_until(s, second_waits_too_while_the_first_asks);
	scene_free(s);
}

/* ---- limits ---- */

static struct permit waits[SCENE_WORKERS];

/* One job after the other on each worker, as many as are let through. */
static bool both_call(struct scene *s)
{
	const struct permit_ask ask = {
		.upstream = &s->config->upstreams[0], .key = "a", .model = "m", .ceiling = 1000};

	for (size_t i = 0; i < SCENE_WORKERS; i++) {
		permits_again(s->workers[i]);
		if (permit_take(s->workers[i], &waits[i], &ask).answer != PERMIT_GRANTED)
			continue;
		scene_end(s, i, &waits[i], ERR_OK, 200, 0);
		s->granted++;
	}
	return s->granted >= 40;
}

static void leave(struct scene *s)
{
	for (size_t i = 0; i < SCENE_WORKERS; i++)
		scene_end(s, i, &waits[i], ERR_CANCELLED, 0, 0);
	memset(waits, 0, sizeof(waits));
}

/* 20 a second and what was saved in 200 ms: never faster, whoever calls. */
static void assert_paced(const struct scene *s, int64_t took_ms, int saved)
{
	if (took_ms < (int64_t)(s->granted - saved) * 50)
		fail_msg("%d calls in %d ms", s->granted, (int)took_ms);
}

/* promises: C14 */
static void test_two_workers_share_one_limit(void **state)
{
	struct scene *s = scene_new(
		true, "pacing: {headroom_percent: 0}\n" UPSTREAM ", requests_per_minute: 1200}]\n");
	const int64_t began_ms = loop_now_ms(s->loop);

	scene_until(s, both_call);
	assert_paced(s, loop_now_ms(s->loop) - began_ms, 8);
	leave(s);
	scene_free(s);
}

static bool both_have_called(struct scene *s)
{
	(void)both_call(s);
	return s->granted >= 10;
}

/* promises: C14, C16 */
static void test_without_redis_each_keeps_to_its_share(void **state)
{
	struct scene *s = scene_new(
		true, "pacing: {headroom_percent: 0}\n" UPSTREAM ", requests_per_minute: 1200}]\n");
	int64_t began_ms;

	scene_until(s, both_have_called);
	redis_stop(&s->redis);
	s->granted = 0;
	began_ms = loop_now_ms(s->loop);
	scene_until(s, both_call);
	assert_paced(s, loop_now_ms(s->loop) - began_ms, 12);
	leave(s);
	scene_free(s);
}

static bool first_alone_is_stopped(struct scene *s)
{
	return !scene_try(s, FIRST, "a", "m", ERR_UP_500, 500) && s->last == PERMIT_BREAKER;
}

/* promises: C6, C16 */
static void test_without_redis_a_worker_has_its_own_breaker(void **state)
{
	struct scene *s = scene_new(true, FAST UPSTREAM "}]\n");

	redis_stop(&s->redis);
	scene_until(s, first_alone_is_stopped);
	scene_free(s);
}

static bool second_hears_of_it(struct scene *s)
{
	(void)scene_try(s, FIRST, "a", "m", ERR_UP_500, 500);
	return !scene_try(s, SECOND, "a", "m", ERR_CANCELLED, 0) && s->last == PERMIT_BREAKER;
}

/* promises: C6, C16 */
static void test_what_a_worker_learned_alone_is_the_fleets_when_redis_is_back(void **state)
{
	struct scene *s = scene_new(
		true, "breaker: {open_base_ms: 60000, failures_in_row: 5}\n" UPSTREAM "}]\n");

	redis_stop(&s->redis);
	scene_until(s, first_alone_is_stopped);
	redis_start(&s->redis);
	scene_until(s, second_hears_of_it);
	scene_free(s);
}

/* ---- more scopes than one exchange has room for ---- */

enum { MANY = 200 };
static struct permit many[MANY];

static struct permit_verdict many_ask(struct scene *s, size_t i, const char *key, const char *model)
{
	const struct permit_ask ask = {
		.upstream = &s->config->upstreams[0], .key = key, .model = model, .ceiling = 1};

	return permit_take(s->workers[FIRST], &many[i], &ask);
}

/* One has the only place. Those behind it wait for that, not for the fleet's word. */
static bool all_wait_for_a_place(struct scene *s)
{
	int copies = 0;

	permits_again(s->workers[FIRST]);
	for (size_t i = 0; i < MANY; i++) {
		char model[16];

		(void)snprintf(model, sizeof(model), "m%zu", i);
		if (many[i].stage == PERMIT_HELD)
			continue;
		copies += many_ask(s, i, "a", model).by == PERMIT_COPY;
	}
	return copies == 0;
}

static void many_end(struct scene *s)
{
	for (size_t i = 0; i < MANY; i++)
		scene_end(s, FIRST, &many[i], ERR_CANCELLED, 0, 0);
}

/* promises: C4 */
static void test_jobs_that_wait_keep_no_other_from_the_fleets_word(void **state)
{
	struct scene *s = scene_new(true, UPSTREAM "}]\n");

	scene_until(s, all_wait_for_a_place);
	many_end(s);
	scene_free(s);
}

/* As many as an exchange has room for, each with a breaker and a key of its own. */
static bool a_full_exchange_is_answered(struct scene *s)
{
	permits_again(s->workers[FIRST]);
	for (size_t i = 0; i < MANY; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "n%zu", i);
		if (many[i].stage != PERMIT_HELD)
			s->granted += many_ask(s, i, name, name).by == PERMIT_CONCURRENCY;
	}
	return permits_are_shared(s->workers[FIRST]) && s->granted >= MANY;
}

static void test_a_full_exchange_is_answered(void **state)
{
	struct scene *s = scene_new(true, UPSTREAM "}]\n");

	scene_until(s, a_full_exchange_is_answered);
	many_end(s);
	scene_free(s);
}

/* ---- what workers that are gone said ---- */

/* One word of Redis about what workers said of the only scope. */
static int load_says(const struct scene *s, const char *verb, const char *rest)
{
	char id[PERMIT_ID_MAX], line[256], reply[32];
	FILE *cli;
	int number;

	permit_id("up", "a", "m", id);
	(void)snprintf(line, sizeof(line), "redis-cli -p %d %s " PERMIT_LOAD "%s %s", s->redis.port,
		verb, id, rest);
	cli = popen(line, "r"); /* NOLINT(cert-env33-c): a test's own words */
	assert_non_null(cli);
	number = fgets(reply, sizeof(reply), cli) ? atoi(reply) : -1;
	(void)pclose(cli);
	return number;
}

static bool the_first_has_told(struct scene *s)
{
	(void)scene_try(s, FIRST, "a", "m", ERR_OK, 200);
	return load_says(s, "hlen", "") > 0;
}

static bool those_gone_are_forgotten(struct scene *s)
{
	(void)scene_try(s, FIRST, "a", "m", ERR_OK, 200);
	return load_says(s, "hlen", "") == 1;
}

static void test_what_workers_said_that_are_gone_goes_too(void **state)
{
	struct scene *s = scene_new(true, UPSTREAM "}]\n");

	scene_until(s, the_first_has_told);
	for (int i = 0; i < 40; i++) {
		char rest[48];

		(void)snprintf(rest, sizeof(rest), "gone%d '0 1 0 0 1'", i);
		assert_int_equal(load_says(s, "hset", rest), 1);
	}
	scene_until(s, those_gone_are_forgotten);
	scene_free(s);
}

/* ---- a long call behind an idle scope ---- */

static struct permit long_call;
static int64_t idle_since_ms;

static bool a_call_begins_and_another_is_over(struct scene *s)
{
	if (!long_call.scope &&
		scene_ask(s, FIRST, "a", "m", &long_call).answer != PERMIT_GRANTED) {
		scene_end(s, FIRST, &long_call, ERR_CANCELLED, 0, 0);
		return false;
	}
	idle_since_ms = loop_now_ms(s->loop);
	return scene_try(s, FIRST, "a", "other", ERR_OK, 200);
}

static bool both_have_been_idle(struct scene *s)
{
	return loop_now_ms(s->loop) - idle_since_ms > 5500;
}

static bool the_long_call_is_told(struct scene *s)
{
	return load_says(s, "hlen", "") > 0;
}

static void test_a_long_call_is_told_behind_an_idle_scope(void **state)
{
	struct scene *s = scene_new(true, UPSTREAM "}]\n");

	scene_until(s, a_call_begins_and_another_is_over);
	scene_until(s, both_have_been_idle);
	(void)load_says(s, "del", "");
	scene_until(s, the_long_call_is_told);
	scene_end(s, FIRST, &long_call, ERR_OK, 200, 0);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_workers_failures_stop_the_other),
		cmocka_unit_test(test_another_model_is_called_as_before),
		cmocka_unit_test(test_there_is_one_probe_in_the_whole_fleet),
		cmocka_unit_test(test_it_comes_back_by_stages),
		cmocka_unit_test(test_a_401_sets_that_key_aside_and_no_other),
		cmocka_unit_test(test_retry_after_holds_for_all_workers),
		cmocka_unit_test(test_what_was_not_told_is_told_when_redis_is_back),
		cmocka_unit_test(test_two_workers_share_one_limit),
		cmocka_unit_test(test_without_redis_each_keeps_to_its_share),
		cmocka_unit_test(test_without_redis_a_worker_has_its_own_breaker),
		cmocka_unit_test(test_what_a_worker_learned_alone_is_the_fleets_when_redis_is_back),
		cmocka_unit_test(test_jobs_that_wait_keep_no_other_from_the_fleets_word),
		cmocka_unit_test(test_a_full_exchange_is_answered),
		cmocka_unit_test(test_what_workers_said_that_are_gone_goes_too),
		cmocka_unit_test(test_a_long_call_is_told_behind_an_idle_scope),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
