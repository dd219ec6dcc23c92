/* The breaker's machine, step by step: what happened, and the state that follows. */
#include "upstreams/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const struct breaker_rule RULE = {.window_ms = 10000,
	.calls_min = 10,
	.failure_percent = 50,
	.base_ms = 2000,
	.max_ms = 60000,
	.probe_ms = 30000,
	.ramp_ms = 5000};

/* promises: C6, S1.10 */
static void test_each_state_is_left_as_the_table_says(void **state)
{
	static const struct {
		enum breaker_state from;
		int stage;
		int64_t since_until_ms; /* now, against until */
		double ok, bad;
		bool moves;
		enum breaker_state to;
		int to_stage;
	} rows[] = {
		/* closed: the share, but not of too few */
		{BREAKER_CLOSED, 0, 0, 0, 9, false, BREAKER_CLOSED, 0},
		{BREAKER_CLOSED, 0, 0, 0, 10, true, BREAKER_OPEN, 0},
		{BREAKER_CLOSED, 0, 0, 5, 5, true, BREAKER_OPEN, 0},
		{BREAKER_CLOSED, 0, 0, 6, 5, false, BREAKER_CLOSED, 0},
		{BREAKER_CLOSED, 0, 0, 1000, 0, false, BREAKER_CLOSED, 0},
		/* open: what still arrives from before changes nothing */
		{BREAKER_OPEN, 0, -1, 100, 100, false, BREAKER_OPEN, 0},
		{BREAKER_OPEN, 0, 1, 100, 0, false, BREAKER_OPEN, 0},
		/* the probe decides */
		{BREAKER_PROBING, 0, -1, 0, 0, false, BREAKER_PROBING, 0},
		{BREAKER_PROBING, 0, -1, 1, 0, true, BREAKER_RAMPING, 0},
		{BREAKER_PROBING, 0, -1, 0, 1, true, BREAKER_OPEN, 0},
		/* a stage: its time, an answer, and few failures */
		{BREAKER_RAMPING, 0, -1, 9, 0, false, BREAKER_RAMPING, 0},
		{BREAKER_RAMPING, 0, 0, 0, 0, false, BREAKER_RAMPING, 0},
		{BREAKER_RAMPING, 0, 0, 9, 0, true, BREAKER_RAMPING, 1},
		{BREAKER_RAMPING, 1, 0, 9, 0, true, BREAKER_RAMPING, 2},
		{BREAKER_RAMPING, 2, 0, 9, 0, true, BREAKER_CLOSED, 0},
		{BREAKER_RAMPING, 2, -1, 0, 2, false, BREAKER_RAMPING, 2},
		{BREAKER_RAMPING, 2, -1, 0, 3, true, BREAKER_OPEN, 0},
		{BREAKER_RAMPING, 1, 0, 2, 2, true, BREAKER_OPEN, 0},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct breaker b = {.state = rows[i].from,
			.opened = rows[i].from != BREAKER_CLOSED,
			.stage = rows[i].stage,
			.until_ms = 100000};
		struct breaker next = b;

		assert_int_equal(
			breaker_next(&b, &RULE, (struct breaker_counts){rows[i].ok, rows[i].bad, 0},
				100000 + rows[i].since_until_ms, 0, &next),
			rows[i].moves);
		assert_int_equal(next.state, rows[i].to);
		assert_int_equal(next.stage, rows[i].to_stage);
		assert_true(!rows[i].moves || breaker_why(&b, &next)[0]);
	}
}

/* promises: C6 */
static void test_many_failures_in_a_row_open_it_after_any_good_time(void **state)
{
	struct breaker_rule rule = RULE;
	struct breaker b = {.state = BREAKER_CLOSED};
	struct breaker_window w = {0};
	struct breaker next;

	rule.row_min = 5;
	breaker_window_add(&w, rule.window_ms, 0, (struct breaker_counts){10000, 0, 0});
	for (int i = 0; i < 5; i++) {
		assert_false(breaker_next(
			&b, &rule, breaker_window_sum(&w, rule.window_ms, 0), 0, 0, &next));
		breaker_window_add(&w, rule.window_ms, 0, (struct breaker_counts){0, 1, 0});
	}
	assert_true(
		breaker_next(&b, &rule, breaker_window_sum(&w, rule.window_ms, 0), 0, 0, &next));
	breaker_window_add(&w, rule.window_ms, 0, (struct breaker_counts){1, 0, 0});
	assert_false(
		breaker_next(&b, &rule, breaker_window_sum(&w, rule.window_ms, 0), 0, 0, &next));
}

/* promises: C6 */
static void test_open_doubles_up_to_the_maximum_with_jitter_on_top(void **state)
{
	static const int64_t ms[] = {2000, 4000, 8000, 16000, 32000, 60000, 60000};
	struct breaker b = {.state = BREAKER_CLOSED};

	for (size_t i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
		struct breaker low, high;

		assert_true(breaker_next(&b, &RULE, (struct breaker_counts){0, 10, 0}, 0, 0, &low));
		assert_true(breaker_next(&b, &RULE, (struct breaker_counts){0, 10, 0}, 0,
			(uint64_t)ms[i] / 5, &high));
		assert_int_equal(low.until_ms, ms[i]);
		assert_int_equal(high.until_ms, ms[i] + ms[i] / 5);
		assert_true(breaker_probe(&low, &RULE, low.until_ms, &b));
	}
}

/* promises: C6 */
static void test_a_probe_is_due_when_open_is_over_or_the_last_one_was_lost(void **state)
{
	static const struct {
		enum breaker_state state;
		int64_t now_ms;
		bool due;
	} rows[] = {
		{BREAKER_CLOSED, 2000, false},
		{BREAKER_OPEN, 999, false},
		{BREAKER_OPEN, 1000, true},
		{BREAKER_PROBING, 999, false},
		{BREAKER_PROBING, 1000, true},
		{BREAKER_RAMPING, 2000, false},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct breaker b = {.state = rows[i].state, .opened = 1, .until_ms = 1000};
		struct breaker next = {0};

		assert_int_equal(breaker_probe(&b, &RULE, rows[i].now_ms, &next), rows[i].due);
		assert_true(!rows[i].due ||
			    (next.state == BREAKER_PROBING &&
				    next.until_ms == rows[i].now_ms + 30000 && next.opened == 1));
	}
}

static void test_an_operators_word_comes_before_the_counts_while_it_lasts(void **state)
{
	struct breaker b = {.state = BREAKER_CLOSED, .mode = BREAKER_BLOCK, .mode_until_ms = 1000};

	assert_int_equal(breaker_percent(&b, 999), 0);
	assert_int_equal(breaker_percent(&b, 1000), 100);
	b.state = BREAKER_OPEN;
	b.mode = BREAKER_ALLOW;
	assert_int_equal(breaker_percent(&b, 999), 100);
	assert_int_equal(breaker_percent(&b, 1000), 0);
}

/* promises: C6 */
static void test_the_ramp_is_5_25_50_100_percent(void **state)
{
	static const int percents[] = {5, 25, 50, 100};
	struct breaker b = {.state = BREAKER_PROBING, .opened = 3};

	for (size_t i = 0; i < 4; i++) {
		assert_true(breaker_next(
			&b, &RULE, (struct breaker_counts){1, 0, 0}, b.until_ms, 0, &b));
		assert_int_equal(breaker_percent(&b, 0), percents[i]);
	}
	assert_int_equal(b.opened, 0);
}

static void test_a_key_needs_no_ramp(void **state)
{
	struct breaker_rule rule = RULE;
	struct breaker b = {.state = BREAKER_PROBING, .opened = 1};

	rule.ramp_ms = 0;
	assert_true(breaker_next(&b, &rule, (struct breaker_counts){1, 0, 0}, 0, 0, &b));
	assert_int_equal(b.state, BREAKER_CLOSED);
}

static void test_the_window_forgets_evenly(void **state)
{
	struct breaker_window w = {0};
	struct breaker_counts sum;

	breaker_window_add(&w, 10000, 10000, (struct breaker_counts){100, 10, 0});
	sum = breaker_window_sum(&w, 10000, 19999);
	assert_int_equal(sum.ok, 100);
	sum = breaker_window_sum(&w, 10000, 25000);
	assert_int_equal(sum.ok, 50);
	assert_int_equal(sum.bad, 5);
	sum = breaker_window_sum(&w, 10000, 30000);
	assert_int_equal(sum.ok, 0);
	breaker_window_add(&w, 10000, 30000, (struct breaker_counts){1, 0, 0});
	sum = breaker_window_sum(&w, 10000, 900000);
	assert_int_equal(sum.ok, 0);
}

static void test_words_and_states_are_one(void **state)
{
	for (int i = 0; i < BREAKER_STATES; i++)
		assert_int_equal(breaker_state_from_text(breaker_state_text(i)), i);
	for (int i = 0; i < BREAKER_MODES; i++)
		assert_int_equal(breaker_mode_from_text(breaker_mode_text(i)), i);
	assert_int_equal(breaker_state_from_text("ajar"), BREAKER_STATES);
	assert_int_equal(breaker_mode_from_text(NULL), BREAKER_MODES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_state_is_left_as_the_table_says),
		cmocka_unit_test(test_many_failures_in_a_row_open_it_after_any_good_time),
		cmocka_unit_test(test_open_doubles_up_to_the_maximum_with_jitter_on_top),
		cmocka_unit_test(test_a_probe_is_due_when_open_is_over_or_the_last_one_was_lost),
		cmocka_unit_test(test_an_operators_word_comes_before_the_counts_while_it_lasts),
		cmocka_unit_test(test_the_ramp_is_5_25_50_100_percent),
		cmocka_unit_test(test_a_key_needs_no_ramp),
		cmocka_unit_test(test_the_window_forgets_evenly),
		cmocka_unit_test(test_words_and_states_are_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
