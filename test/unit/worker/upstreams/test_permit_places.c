/* More payers than a worker has places for: who has one, who is sent away, whom nobody displaces.
 */
#include "permit_asks.h"
#include "upstreams/permit_inside.h"

enum { FIRST, CALLS = 10, OTHERS = SCOPES_MAX - 1 };

/* Nothing comes back while a test runs. */
static const struct permit_limit limit = {.per_minute = 1e-3, .burst = PAYER_CALL * CALLS};
static const struct id tenant = {{1}};

static struct permit_verdict take(
	struct scene *s, struct id whose, const char *principal, struct permit *permit)
{
	return scene_ask_as(s, FIRST, whose, principal, permit);
}

static void end(struct scene *s, struct permit *permit)
{
	scene_end_booked(s, FIRST, permit, PAYER_CALL);
}

/* Payers with calls under way in all places but one. */
static struct permit *places_taken(struct scene *s)
{
	struct permit *others = calloc(OTHERS, sizeof *others);

	assert_non_null(others);
	for (int i = 0; i < OTHERS; i++) {
		const struct id whose = {{2, (uint8_t)(i >> 8), (uint8_t)i}};

		assert_int_equal(take(s, whose, NULL, &others[i]).answer, PERMIT_GRANTED);
	}
	return others;
}

static void places_left(struct scene *s, struct permit *others)
{
	for (int i = 0; i < OTHERS; i++)
		end(s, &others[i]);
	free(others);
}

/* More payers than there are places for: whoever is sent away wants nothing here any more. Who
 * has a place needs no other. */
static void test_who_finds_no_place_does_not_wait(void **state)
{
	struct scene *s = scene_new(false, "pacing: {park_after_ms: 60000}\n" PAYER_UPSTREAM);
	struct permit held = {.scope = NULL}, waits = held, *others;

	s->limit = (struct permit_limit){.per_minute = 2 * PAYER_CALL, .burst = PAYER_CALL};
	assert_int_equal(take(s, tenant, NULL, &held).answer, PERMIT_GRANTED);
	assert_int_equal(take(s, tenant, NULL, &waits).answer, PERMIT_WAIT);
	others = places_taken(s);
	assert_int_equal(take(s, tenant, NULL, &waits).answer, PERMIT_WAIT);
	s->others[LIMIT_TOKENS_ROLE] = limit;
	assert_int_equal(take(s, tenant, "usr boss", &waits).answer, PERMIT_PARK);
	assert_int_equal(waits.stage, PERMIT_NONE);
	assert_int_equal(s->workers[FIRST]->waiting, 0);
	places_left(s, others);
	end(s, &held);
	scene_free(s);
}

/* The last place is the tenant's own, and idle. */
static void test_a_calls_payers_displace_none_of_each_other(void **state)
{
	struct scene *s = scene_new(false, PAYER_UPSTREAM);
	struct permit permit = {.scope = NULL}, *others;

	s->limit = limit;
	others = places_taken(s);
	assert_int_equal(take(s, tenant, NULL, &permit).answer, PERMIT_GRANTED);
	end(s, &permit);
	s->others[LIMIT_TOKENS_ROLE] = limit;
	permit = (struct permit){.scope = NULL};
	assert_int_equal(take(s, tenant, "usr boss", &permit).answer, PERMIT_PARK);
	end(s, &others[0]);
	assert_int_equal(take(s, tenant, "usr boss", &permit).answer, PERMIT_GRANTED);
	assert_int_equal(permit.payers.n, 2);
	end(s, &permit);
	places_left(s, others);
	scene_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_finds_no_place_does_not_wait),
		cmocka_unit_test(test_a_calls_payers_displace_none_of_each_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
