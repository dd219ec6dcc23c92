/* Times on the wire are read strictly and written in one way. */
#include "ground/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_known_moments_are_written(void **state)
{
	static const struct {
		int64_t ms;
		const char *text;
	} cases[] = {
		{0, "1970-01-01T00:00:00.000Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
		{951827696789, "2000-02-29T12:34:56.789Z"},
		{1769860800000, "2026-01-31T12:00:00.000Z"},
		{4102444799999, "2099-12-31T23:59:59.999Z"},
		{INT64_MAX, "9999-12-31T23:59:59.999Z"},
		{INT64_MIN, "0000-01-01T00:00:00.000Z"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char text[CLOCK_TEXT_MAX];

		clock_format(cases[i].ms, text);
		assert_string_equal(text, cases[i].text);
	}
}

static void test_every_day_comes_back_as_it_went(void **state)
{
	for (int64_t day = -719528; day < 2932896; day += 17) {
		int64_t ms = day * 86400000 + day % 86399999;
		int64_t back = 0;
		char text[CLOCK_TEXT_MAX];

		if (ms < -62167219200000)
			continue;
		clock_format(ms, text);
		assert_int_equal(clock_parse(text, &back), 0);
		assert_int_equal(back, ms);
	}
}

static void test_offsets_fractions_and_leap_seconds_are_read(void **state)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{"1985-04-12T23:20:50.52Z", 482196050520},
		{"1996-12-19T16:39:57-08:00", 851042397000},
		{"1990-12-31T23:59:60Z", 662688000000},
		{"1990-12-31T15:59:60-08:00", 662688000000},
		{"1937-01-01T12:00:27.87+00:20", -1041337172130},
		{"2026-01-31t12:00:00.123456789z", 1769860800123},
		{"2026-01-31 12:00:00Z", 1769860800000},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t ms = 0;

		assert_int_equal(clock_parse(cases[i].text, &ms), 0);
		assert_int_equal(ms, cases[i].ms);
	}
}

static void test_what_is_no_time_is_refused(void **state)
{
	static const char *const cases[] = {"", "now", "2026-01-31", "2026-01-31T12:00:00",
		"2026-13-01T00:00:00Z", "2026-00-01T00:00:00Z", "2026-02-29T00:00:00Z",
		"2026-04-31T00:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T12:60:00Z",
		"2026-01-31T12:00:61Z", "2026-01-31T12:00:00.Z", "2026-01-31T12:00:00+24:00",
		"2026-01-31T12:00:00+0100", "2026-01-31T12:00:00Zx", " 2026-01-31T12:00:00Z",
		"2026-1-31T12:00:00Z", "-026-01-31T12:00:00Z", "2026-01-31T12:00:00,5Z",
		"1900-02-29T00:00:00Z"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		int64_t ms = 42;

		assert_int_equal(clock_parse(cases[i], &ms), -1);
		assert_int_equal(ms, 42);
	}
	assert_int_equal(clock_parse(NULL, &(int64_t){0}), -1);
}

/* promises: C7 */
static void test_the_record_decides_what_time_it_is(void **state)
{
	int64_t far = 4102444800000;

	assert_true(clock_record_ms() < far);
	clock_sync(far, clock_us());
	assert_true(clock_record_ms() >= far);
	assert_true(clock_record_ms() < far + 60000);
}

/* promises: S1.1 */
static void test_of_two_answers_the_tighter_one_counts(void **state)
{
	const int64_t now = clock_record_ms(), minute_us = 60000000;

	clock_sync(now, clock_us());
	clock_sync(now - 20000, clock_us() - minute_us); /* came late: no news */
	assert_true(clock_record_ms() >= now);
	clock_sync(now + 20000, clock_us() - minute_us); /* at least so late it is */
	assert_true(clock_record_ms() >= now + 20000);
	clock_sync(now - 70000, clock_us() - minute_us); /* cannot be, unless it was set back */
	assert_true(clock_record_ms() < now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_moments_are_written),
		cmocka_unit_test(test_every_day_comes_back_as_it_went),
		cmocka_unit_test(test_offsets_fractions_and_leap_seconds_are_read),
		cmocka_unit_test(test_of_two_answers_the_tighter_one_counts),
		cmocka_unit_test(test_what_is_no_time_is_refused),
		cmocka_unit_test(test_the_record_decides_what_time_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
