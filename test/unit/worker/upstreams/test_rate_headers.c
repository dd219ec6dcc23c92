/* What upstreams say of their limits. */
#include "upstreams/rate_headers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void read_one(struct rate_headers *h, const char *name, const char *value)
{
	/* 2026-01-31T12:00:00Z */
	rate_headers_read(h, name, strlen(name), value, strlen(value), 1769860800000);
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		double ms;
	} rows[] = {
		{"1s", 1000},
		{"6m0s", 360000},
		{"12ms", 12},
		{"1h2m3.5s", 3723500},
		{"2", 2000},
		{"0.25", 250},
		{"0s", 0},
		{"", -1},
		{"soon", -1},
		{"-3s", -1},
		{"1s2", 3000},
		{"2 s", -1},
		{"1x", -1},
		{"inf", -1},
		{"nan", -1},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_true(rate_duration_ms(rows[i].text) - rows[i].ms < 0.001 &&
			    rate_duration_ms(rows[i].text) - rows[i].ms > -0.001);
}

/* promises: C14 */
static void test_both_dialects_are_understood(void **state)
{
	struct rate_headers h;

	rate_headers_init(&h);
	read_one(&h, "X-RateLimit-Limit-Requests", "60");
	read_one(&h, "x-ratelimit-remaining-requests", "59");
	read_one(&h, "x-ratelimit-reset-requests", "1s");
	read_one(&h, "anthropic-ratelimit-tokens-limit", "80000");
	read_one(&h, "anthropic-ratelimit-tokens-remaining", "79000");
	read_one(&h, "anthropic-ratelimit-tokens-reset", "2026-01-31T12:00:03Z");
	assert_int_equal(h.of[RATE_REQUESTS].limit, 60);
	assert_int_equal(h.of[RATE_REQUESTS].left, 59);
	assert_int_equal(h.of[RATE_REQUESTS].whole_ms, 1000);
	assert_int_equal(h.of[RATE_TOKENS].whole_ms, 3000);
	assert_int_equal(rate_said_per_minute(&h.of[RATE_REQUESTS]), 60);
	assert_int_equal(rate_said_per_minute(&h.of[RATE_TOKENS]), 20000);
}

static void test_a_days_allowance_is_no_minutes(void **state)
{
	const struct rate_said day = {200, 100, 43200000};

	assert_in_range(rate_said_per_minute(&day) * 1000, 138, 140);
}

static void test_nonsense_says_nothing(void **state)
{
	static const char *const values[] = {"", "many", "-1", "1e99", "5;w=60"};
	struct rate_headers h;

	rate_headers_init(&h);
	for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		read_one(&h, "x-ratelimit-limit-tokens", values[i]);
	read_one(&h, "x-ratelimit-limit-images", "3");
	assert_true(h.of[RATE_TOKENS].limit < 0);
	assert_true(rate_said_per_minute(&h.of[RATE_TOKENS]) < 0);
	assert_true(rate_said_per_minute(&h.of[RATE_REQUESTS]) < 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_both_dialects_are_understood),
		cmocka_unit_test(test_a_days_allowance_is_no_minutes),
		cmocka_unit_test(test_nonsense_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
