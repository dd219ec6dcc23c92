/* Retries: full jitter, a floor from the upstream, never beyond the deadline. */
#include "domain/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct retry_rule RULE = {.base_ms = 2000, .cap_ms = 60000};

/* A cheap stream of chance whose seed is printed by nobody because it never changes. */
static uint64_t chance(void)
{
	static uint64_t x = 88172645463325252U;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static struct retry_question question(enum err e, int attempt)
{
	return (struct retry_question){
		.error = e, .attempt = attempt, .attempts_max = 5, .left_ms = 3600000};
}

/* promises: C5 */
static void test_the_ceiling_doubles_up_to_the_cap(void **state)
{
	static const int64_t ceilings[] = {2000, 4000, 8000, 16000, 32000, 60000, 60000};

	for (int i = 0; i < 7; i++)
		assert_int_equal(retry_ceiling_ms(&RULE, i + 1), ceilings[i]);
	assert_int_equal(retry_ceiling_ms(&RULE, 1000000), 60000);
	assert_int_equal(retry_ceiling_ms(&RULE, 0), 2000);
}

/* promises: C5 */
static void test_waits_fill_the_range_and_stay_in_it(void **state)
{
	for (int attempt = 1; attempt < 5; attempt++) {
		struct retry_question q = question(ERR_UP_500, attempt);
		int64_t most = retry_ceiling_ms(&RULE, attempt);
		int low = 0, high = 0;

		for (int i = 0; i < 1000; i++) {
			struct retry_answer a = retry_decide(&RULE, &q, chance());

			assert_int_equal(a.verdict, RETRY_AGAIN);
			assert_in_range(a.wait_ms, 0, most);
			low += a.wait_ms < most / 4;
			high += a.wait_ms > most - most / 4;
		}
		assert_in_range(low, 150, 350);
		assert_in_range(high, 150, 350);
	}
}

/* promises: C5 */
static void test_retry_after_is_a_floor(void **state)
{
	struct retry_question q = question(ERR_UP_RATE, 1);

	q.retry_after_ms = 30000;
	for (int i = 0; i < 1000; i++) {
		struct retry_answer a = retry_decide(&RULE, &q, chance());

		assert_int_equal(a.verdict, RETRY_AGAIN);
		assert_in_range(a.wait_ms, 30000, 32000);
	}
}

/* promises: C5 */
static void test_no_wait_reaches_beyond_the_deadline(void **state)
{
	for (int i = 0; i < 100000; i++) {
		struct retry_question q = question(ERR_UP_503, 1 + (int)(chance() % 4));
		struct retry_answer a;

		q.left_ms = (int64_t)(chance() % 70000) - 1000;
		q.retry_after_ms = chance() % 2 ? (int64_t)(chance() % 70000) : 0;
		a = retry_decide(&RULE, &q, chance());
		if (a.verdict == RETRY_AGAIN) {
			assert_in_range(a.wait_ms, q.retry_after_ms, q.left_ms - RETRY_MARGIN_MS);
		} else if (q.left_ms <= RETRY_MARGIN_MS) {
			assert_int_equal(a.verdict, RETRY_TOO_LATE);
		} else {
			assert_int_equal(a.verdict, RETRY_BEYOND);
			assert_true(q.retry_after_ms > q.left_ms - RETRY_MARGIN_MS);
		}
	}
}

/* promises: C5 */
static void test_the_errors_row_decides_whether_there_is_another_attempt(void **state)
{
	struct retry_question q = question(ERR_UP_AUTH, 1);

	assert_int_equal(retry_decide(&RULE, &q, 0).verdict, RETRY_NOT);
	q.error = ERR_LOST;
	assert_int_equal(retry_decide(&RULE, &q, 0).verdict, RETRY_DROP);
	q.error = ERR_UP_CONNECT;
	q.attempt = 5;
	assert_int_equal(retry_decide(&RULE, &q, 0).verdict, RETRY_EXHAUSTED);
	q.attempt = 4;
	assert_int_equal(retry_decide(&RULE, &q, 0).verdict, RETRY_AGAIN);
}

/* promises: C5 */
static void test_a_refused_key_is_tried_again_where_there_is_another(void **state)
{
	struct retry_question q = question(ERR_UP_AUTH, 1);

	q.elsewhere = true;
	assert_int_equal(retry_decide(&RULE, &q, 0).verdict, RETRY_AGAIN);
	q.error = ERR_UP_QUOTA;
	assert_int_equal(retry_decide(&RULE, &q, 0).verdict, RETRY_AGAIN);
	q.attempt = 5;
	assert_int_equal(retry_decide(&RULE, &q, 0).verdict, RETRY_EXHAUSTED);
	q = question(ERR_UP_REJECTED, 1);
	q.elsewhere = true;
	assert_int_equal(retry_decide(&RULE, &q, 0).verdict, RETRY_NOT);
}

static const int64_t NOW_MS = 784111777000 - 37000; /* Sun, 06 Nov 1994 08:49:00 GMT */

static int64_t after(const char *text)
{
	return retry_after_parse(text, strlen(text), NOW_MS);
}

/* promises: C5 */
static void test_retry_after_is_read_in_all_its_forms(void **state)
{
	assert_int_equal(after("0"), 0);
	assert_int_equal(after("120"), 120000);
	assert_int_equal(after(" 3\t"), 3000);
	assert_int_equal(after("99999999999999999999999"), 86400000);
	assert_int_equal(after("Sun, 06 Nov 1994 08:49:37 GMT"), 37000);
	assert_int_equal(after("Sunday, 06-Nov-94 08:49:37 GMT"), 37000);
	assert_int_equal(after("Sun Nov  6 08:49:37 1994"), 37000);
	assert_int_equal(after("Sun, 06 Nov 1994 08:48:37 GMT"), 0);
	assert_int_equal(after("Sun, 06 Nov 2094 08:48:37 GMT"), 86400000);
}

static void test_what_is_no_retry_after_is_refused(void **state)
{
	static const char *const cases[] = {"", " ", "-1", "1.5", "soon", "3 s", "0x10",
		"Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 PST",
		"Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Foo 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 8:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 GMT tomorrow"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(after(cases[i]), -1);
	assert_int_equal(retry_after_parse("1\0", 2, NOW_MS), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_ceiling_doubles_up_to_the_cap),
		cmocka_unit_test(test_waits_fill_the_range_and_stay_in_it),
		cmocka_unit_test(test_retry_after_is_a_floor),
		cmocka_unit_test(test_no_wait_reaches_beyond_the_deadline),
		cmocka_unit_test(test_the_errors_row_decides_whether_there_is_another_attempt),
		cmocka_unit_test(test_a_refused_key_is_tried_again_where_there_is_another),
		cmocka_unit_test(test_retry_after_is_read_in_all_its_forms),
		cmocka_unit_test(test_what_is_no_retry_after_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
