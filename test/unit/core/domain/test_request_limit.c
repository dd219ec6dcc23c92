/* So many requests in so long: the arithmetic of a bucket, by a clock of the test's own. */
#include "domain/request_limit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct request_limit hundred = {.amount = 100, .burst = 20, .window_s = 60};

/* promises: S1.6 */
static void test_a_burst_then_one_by_one(void **state)
{
	const struct limit_pace pace = limit_pace_of(&hundred);
	double ahead_us = 0;

	assert_int_equal(limit_pace_room(pace, 0), 20);
	for (int i = 20; i > 0; i--) {
		assert_int_equal(limit_pace_room(pace, ahead_us), i);
		assert_int_equal(limit_pace_wait_us(pace, ahead_us), 0);
		ahead_us += pace.interval_us;
	}
	assert_int_equal(limit_pace_room(pace, ahead_us), 0);
	assert_int_equal(limit_pace_wait_us(pace, ahead_us), 600000);
	assert_int_equal(limit_pace_room(pace, ahead_us - 600000), 1);
}

/* Every rate that may be set lets in exactly what it says, over any number of windows.
 * promises: S1.6 */
static void test_never_more_than_burst_and_time_never_less(void **state)
{
	static const struct request_limit limits[] = {{1, 1, 1}, {1, 1, 86400}, {7, 3, 11},
		{100, 100, 60}, {999983, 1000, 86400}, {99999, 99999, 1}, {1000000, 1, 60}};

	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		const struct limit_pace pace = limit_pace_of(&limits[i]);
		const double step_us = pace.interval_us / 3;
		double now_us = 0, until_us = 0;
		int64_t admitted = 0;

		for (int k = 0; k < 30000; k++, now_us += step_us) {
			const double ahead_us = until_us > now_us ? until_us - now_us : 0;

			if (limit_pace_room(pace, ahead_us) < 1)
				continue;
			until_us = now_us + ahead_us + pace.interval_us;
			admitted++;
		}
		now_us -= step_us;
		assert_true((double)admitted <=
			    (double)limits[i].burst + now_us / pace.interval_us + 0.01);
		if (limits[i].burst < 10000)
			assert_true((double)admitted >=
				    (double)limits[i].burst + now_us / pace.interval_us - 1.01);
	}
}

/* promises: S1.6 */
static void test_shares_make_the_whole(void **state)
{
	const struct limit_pace whole = limit_pace_of(&hundred);
	const struct request_limit one = {.amount = 1, .burst = 1, .window_s = 60};

	for (int64_t n = 1; n <= 20; n++) {
		const struct limit_pace share = limit_pace_share(whole, n);

		assert_int_equal(limit_pace_room(share, 0), 20 / n);
		assert_true(share.interval_us == whole.interval_us * (double)n);
	}
	assert_int_equal(limit_pace_room(limit_pace_share(limit_pace_of(&one), 8), 0), 1);
	/* half used when it was last heard of: half of the share is left */
	assert_int_equal(limit_pace_room(limit_pace_share(whole, 2), 10 * whole.interval_us), 5);
}

/* promises: S1.6 */
static void test_what_is_wrong_is_named(void **state)
{
	static const struct {
		struct request_limit limit;
		const char *member;
	} wrong[] = {{{-1, 1, 60}, "requests"}, {{6000000, 1, 60}, "requests"},
		{{1, 1, 0}, "window_s"}, {{1, 1, 86401}, "window_s"}, {{10, 0, 60}, "burst"},
		{{10, 11, 60}, "burst"}};
	const char *member;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_non_null(request_limit_fault(LIMIT_USER, &wrong[i].limit, &member));
		assert_string_equal(member, wrong[i].member);
	}
	assert_null(request_limit_fault(LIMIT_USER, &hundred, &member));
	assert_null(request_limit_fault(LIMIT_USER, &(struct request_limit){0, 1, 60}, &member));
}

static void test_levels_have_names(void **state)
{
	for (size_t i = 0; i < LIMIT_LEVELS; i++)
		assert_int_equal(limit_level_from_text(limit_level_text((enum limit_level)i)), i);
	assert_int_equal(limit_level_from_text("nobody"), LIMIT_LEVELS);
}

static void test_a_level_may_name_a_role(void **state)
{
	static const struct {
		const char *text;
		enum limit_level level;
		const char *role;
	} cases[] = {{"role:guest", LIMIT_ROLE, "guest"}, {"tokens", LIMIT_TOKENS, ""},
		{"tokens:role:guest", LIMIT_TOKENS_ROLE, "guest"},
		{"tokens:user", LIMIT_TOKENS_USER, ""}, {"role:", LIMIT_ROLE, ""},
		{"role", LIMIT_LEVELS, ""}, {"user:guest", LIMIT_LEVELS, ""},
		{"tokens:user:guest", LIMIT_LEVELS, ""}, {"", LIMIT_LEVELS, ""}};
	const char *role;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(limit_level_parse(cases[i].text, &role), cases[i].level);
		assert_string_equal(role, cases[i].role);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_burst_then_one_by_one),
		cmocka_unit_test(test_never_more_than_burst_and_time_never_less),
		cmocka_unit_test(test_shares_make_the_whole),
		cmocka_unit_test(test_what_is_wrong_is_named),
		cmocka_unit_test(test_levels_have_names),
		cmocka_unit_test(test_a_level_may_name_a_role),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
