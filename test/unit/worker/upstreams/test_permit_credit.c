/* What two workers book of an upstream's limits: whole calls, of both limits at once. */
#include "permit_asks.h"
#include "upstreams/scope.h"

#include <math.h>

enum { CALLS = 40, SAVED = 8, INTERVAL_MS = 50 };

static struct permit waits[SCENE_WORKERS];

/* Of each limit as many whole calls as of the other, and no part of one. */
static void assert_whole_calls(const struct permit *permit)
{
	const struct quota *quota = permit->scope->quota;
	const double calls = quota[RATE_REQUESTS].lease;

	if (fabs(calls - round(calls)) > 1e-3 ||
		fabs(quota[RATE_TOKENS].lease - calls * permit->tokens) > 1)
		fail_msg("booked: %f requests, %f tokens", calls, quota[RATE_TOKENS].lease);
}

/* One job after the other on each worker, as many as are let through. */
static bool both_call(struct scene *s)
{
	const struct permit_ask ask = {
		.upstream = &s->config->upstreams[0], .key = "a", .model = "m", .ceiling = 1000};

	for (size_t i = 0; i < SCENE_WORKERS; i++) {
		permits_again(s->workers[i]);
		if (permit_take(s->workers[i], &waits[i], &ask).answer == PERMIT_GRANTED) {
			scene_end(s, i, &waits[i], ERR_OK, 200, 0);
			s->granted++;
		} else if (waits[i].stage == PERMIT_WAITS) {
			assert_whole_calls(&waits[i]);
		}
	}
	return s->granted >= CALLS;
}

/* Else each worker's part would come on top of what the rate gives, in any minute. A call has 256
 * tokens, so both limits give one each 50 ms.
 * promises: C14 */
static void test_nobody_keeps_a_part_of_a_call(void **state)
{
	struct scene *s = scene_new(true, "pacing: {headroom_percent: 0}\n"
					  "upstreams: [{name: up, base_url: \"http://127.0.0.1:1\","
					  " models: [\"*\"], requests_per_minute: 1200,"
					  " tokens_per_minute: 307200}]\n");
	const int64_t began_ms = loop_now_ms(s->loop);

	scene_until(s, both_call);
	assert_true(loop_now_ms(s->loop) - began_ms >= (CALLS - SAVED) * INTERVAL_MS);
	for (size_t i = 0; i < SCENE_WORKERS; i++)
		scene_end(s, i, &waits[i], ERR_CANCELLED, 0, 0);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nobody_keeps_a_part_of_a_call),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
