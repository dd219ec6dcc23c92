/* Token buckets and the retry budget made of one: what is granted over a time is what the rate
 * says. */
#include "upstreams/bucket.h"
#include "upstreams/retry_budget.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Takes as often as it can for ms, looking every step_ms. */
static int granted(struct bucket *b, double amount, int64_t *now_ms, int64_t ms, int64_t step_ms)
{
	int n = 0;

	for (const int64_t end = *now_ms + ms; *now_ms < end; *now_ms += step_ms)
		for (; bucket_has(b, amount, *now_ms); n++)
			bucket_take(b, amount, *now_ms);
	return n;
}

/* promises: C14 */
static void test_what_is_granted_is_the_rate_and_what_was_saved(void **state)
{
	static const struct {
		double per_ms, capacity, amount;
		int64_t step_ms;
		int least, most;
	} rows[] = {
		/* a minute: capacity + rate * 60 s */
		{0.001, 1, 1, 10, 60, 61},
		{0.01, 5, 1, 7, 604, 605},
		{1, 100, 10, 50, 6000, 6010},
		{0.5, 1000, 1000, 100, 30, 31},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct bucket b = {0};
		int64_t now = 1000;

		bucket_limit(&b, rows[i].per_ms, rows[i].capacity, now);
		assert_in_range(granted(&b, rows[i].amount, &now, 60000, rows[i].step_ms),
			rows[i].least, rows[i].most);
	}
}

static void test_without_a_limit_everything_is_granted(void **state)
{
	struct bucket b = {0};

	bucket_take(&b, 1e12, 5);
	assert_int_equal(bucket_wait_ms(&b, 1e12, 5), 0);
}

static void test_a_wait_is_as_long_as_it_says(void **state)
{
	struct bucket b = {0};
	int64_t now = 0, wait;

	bucket_limit(&b, 0.003, 4, now);
	bucket_take(&b, 4, now);
	wait = bucket_wait_ms(&b, 2, now);
	assert_int_equal(wait, 667);
	assert_false(bucket_has(&b, 2, now + wait - 1));
	assert_true(bucket_has(&b, 2, now + wait));
}

/* promises: C14 */
static void test_what_was_used_beyond_the_estimate_is_waited_for(void **state)
{
	struct bucket b = {0};

	bucket_limit(&b, 1, 1000, 0);
	bucket_take(&b, 500, 0);
	bucket_take(&b, 1500, 0); /* the call used so much more */
	assert_int_equal(bucket_wait_ms(&b, 1, 0), 1001);
	bucket_take(&b, -1500, 0); /* no, it did not */
	assert_int_equal(bucket_wait_ms(&b, 500, 0), 0);
}

static void test_what_is_larger_than_the_bucket_goes_when_it_is_full(void **state)
{
	struct bucket b = {0};

	bucket_limit(&b, 1, 100, 0);
	assert_true(bucket_has(&b, 5000, 0));
	bucket_take(&b, 10, 0);
	assert_int_equal(bucket_wait_ms(&b, 5000, 0), 10);
}

/* promises: C14 */
static void test_the_upstreams_word_lowers_and_never_raises(void **state)
{
	struct bucket b = {0};

	bucket_limit(&b, 1, 100, 0);
	bucket_seen(&b, 7, 0);
	assert_int_equal(bucket_wait_ms(&b, 8, 0), 1);
	bucket_seen(&b, 90, 0);
	assert_int_equal(bucket_wait_ms(&b, 8, 0), 1);
	assert_int_equal(bucket_wait_ms(&b, 7, 0), 0);
	bucket_seen(&b, -3, 0);
	assert_int_equal(bucket_wait_ms(&b, 7, 0), 10);
}

static void test_a_new_limit_keeps_what_was_saved_within_it(void **state)
{
	struct bucket b = {0};

	bucket_limit(&b, 1, 100, 0);
	bucket_limit(&b, 2, 50, 0);
	assert_true(bucket_has(&b, 50, 0));
	bucket_take(&b, 50, 0);
	bucket_limit(&b, 2, 1000, 0);
	assert_int_equal(bucket_wait_ms(&b, 10, 0), 5);
}

/* promises: C5 */
static void test_retries_are_a_share_of_first_attempts(void **state)
{
	struct retry_budget b = {0};
	int retries = 0;

	retry_budget_limit(&b, 20, 0.001, 0);
	for (int i = 0; i < 1000; i++) {
		retry_budget_first(&b, 0);
		if (retry_budget_has(&b, 0)) {
			retry_budget_take(&b, 0);
			retries++;
		}
	}
	assert_in_range(retries, 200, 210);
}

/* promises: C5 */
static void test_a_quiet_upstream_may_be_tried_again_at_the_small_rate(void **state)
{
	struct retry_budget b = {0};
	int retries = 0;

	retry_budget_limit(&b, 20, 1, 0);
	for (int64_t now = 0; now < 60000; now += 100)
		if (retry_budget_has(&b, now)) {
			retry_budget_take(&b, now);
			retries++;
		}
	assert_in_range(retries, 60, 70);
	retry_budget_take(&b, 60000);
	assert_in_range(retry_budget_wait_ms(&b, 60000), 1, 2000);
}

/* Seconds until so many retries were answered, one second each, after an outage; -1: not in ten
 * minutes. */
static int drained_s(int jobs, bool well)
{
	struct retry_budget b = {0};
	int under_way = 0;

	retry_budget_limit(&b, 20, 1, 0);
	while (retry_budget_has(&b, 0))
		retry_budget_take(&b, 0); /* the outage's own retries */
	for (int s = 0; s < 600; s++) {
		for (int i = 0; i < under_way && well; i++)
			retry_budget_give_back(&b, s * 1000);
		jobs -= under_way;
		if (jobs <= 0)
			return s;
		for (under_way = 0; under_way < jobs && retry_budget_has(&b, s * 1000); under_way++)
			retry_budget_take(&b, s * 1000);
	}
	return -1;
}

/* promises: C5 */
static void test_what_an_outage_left_behind_is_done_as_fast_as_answers_come(void **state)
{
	(void)state;
	assert_in_range(drained_s(1000, true), 50, 100); /* 20 at once, and some to get there */
	assert_int_equal(drained_s(1000, false), -1);
	assert_in_range(drained_s(500, false), 490, 510);
}

static void test_without_a_budget_every_retry_goes(void **state)
{
	struct retry_budget b = {0};

	retry_budget_limit(&b, 100, 1, 0);
	for (int i = 0; i < 1000; i++) {
		assert_true(retry_budget_has(&b, 0));
		retry_budget_take(&b, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_granted_is_the_rate_and_what_was_saved),
		cmocka_unit_test(test_without_a_limit_everything_is_granted),
		cmocka_unit_test(test_a_wait_is_as_long_as_it_says),
		cmocka_unit_test(test_what_was_used_beyond_the_estimate_is_waited_for),
		cmocka_unit_test(test_what_is_larger_than_the_bucket_goes_when_it_is_full),
		cmocka_unit_test(test_the_upstreams_word_lowers_and_never_raises),
		cmocka_unit_test(test_a_new_limit_keeps_what_was_saved_within_it),
		cmocka_unit_test(test_retries_are_a_share_of_first_attempts),
		cmocka_unit_test(test_a_quiet_upstream_may_be_tried_again_at_the_small_rate),
		cmocka_unit_test(test_what_an_outage_left_behind_is_done_as_fast_as_answers_come),
		cmocka_unit_test(test_without_a_budget_every_retry_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
