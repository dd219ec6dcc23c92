/* What a job costs at most, as far as its body bounds it. */
#include "jobs/job_cost.h"

#include "config/config.h"
#include "domain/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { INPUT_BYTES = 40 };

static const int64_t USD = 1000000000;

static struct job_tokens tokens(const char *kind, const char *input)
{
	json_t *json = json_loads(input, 0, NULL);
	struct job_tokens tokens = job_tokens_of(kind, json, INPUT_BYTES);

	json_decref(json);
	return tokens;
}

static int64_t output(const char *kind, const char *input)
{
	return tokens(kind, input).output;
}

/* promises: S1.11 */
static void test_output_counts_as_far_as_the_kinds_own_member_bounds_it(void **state)
{
	assert_int_equal(tokens("chat", "{}").input, 10);
	assert_int_equal(output("chat", "{\"max_tokens\": 7}"), 7);
	assert_int_equal(output("chat", "{\"max_completion_tokens\": 7}"), 7);
	assert_int_equal(output("chat", "{\"max_completion_tokens\": 7, \"max_tokens\": 9}"), 9);
	assert_int_equal(output("response", "{\"max_output_tokens\": 7}"), 7);
	assert_int_equal(output("message", "{\"max_tokens\": 7}"), 7);
	assert_int_equal(output("embedding", "{}"), 0);
	assert_int_equal(tokens("noop", "{}").input, 0);
}

/* promises: S1.11 */
static void test_what_another_kind_reads_or_nobody_understands_is_no_bound(void **state)
{
	static const char *const inputs[] = {"{}", "{\"max_output_tokens\": 7}",
		"{\"max_tokens\": null}", "{\"max_tokens\": \"7\"}", "{\"max_tokens\": 7.0}",
		"{\"max_tokens\": -7}", "{\"max_tokens\": 0}", "{\"max_tokens\": 7, \"n\": \"2\"}",
		"{\"max_tokens\": 7, \"n\": 0}", "{\"max_tokens\": 7, \"n\": 2.5}",
		"{\"max_tokens\": 9223372036854775807, \"n\": 2}"};

	for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++)
		assert_int_equal(output("chat", inputs[i]), JOB_COST_UNBOUNDED);
	assert_int_equal(output("response", "{\"max_tokens\": 7}"), JOB_COST_UNBOUNDED);
	assert_int_equal(output("of a later version", "{\"max_tokens\": 7}"), JOB_COST_UNBOUNDED);
	assert_int_equal(output(NULL, "{\"max_tokens\": 7}"), JOB_COST_UNBOUNDED);
}

/* promises: S1.11 */
static void test_answers_are_paid_for_as_often_as_they_are_asked_for(void **state)
{
	assert_int_equal(output("chat", "{\"max_tokens\": 100, \"n\": 50}"), 5000);
	assert_int_equal(output("chat", "{\"max_tokens\": 100, \"n\": null}"), 100);
}

/* promises: S1.11 */
static void test_each_direction_has_its_own_price_at_the_dearest_upstream(void **state)
{
	struct config_upstream upstreams[] = {
		{.name = (char[]){"one"},
			.input_usd_per_million = 1000 * USD,
			.output_usd_per_million = 10000 * USD},
		{.name = (char[]){"other"}, .output_usd_per_million = USD},
	};
	struct config config = {.upstreams = upstreams, .upstreams_n = 2};

	/* 10 tokens in and 10 out: 0.01 and 0.1, not the thousand that a turn pays */
	assert_int_equal(job_cost_nano(&config, "m", (struct job_tokens){10, 10}), USD * 11 / 100);
	assert_int_equal(job_cost_nano(&config, "m", (struct job_tokens){10, JOB_COST_UNBOUNDED}),
		RULE_UNKNOWN);
	assert_int_equal(job_cost_nano(&config, "m", (struct job_tokens){10, 0}), USD / 100);
}

/* promises: S1.11 */
static void test_what_is_free_needs_no_bound_and_what_calls_nobody_no_upstream(void **state)
{
	struct config_upstream upstreams[] = {{.name = (char[]){"free"}}};
	struct config none = {0}, config = {.upstreams = upstreams, .upstreams_n = 1};
	const struct job_tokens endless = {10, JOB_COST_UNBOUNDED};

	assert_int_equal(job_cost_nano(&config, "m", endless), 0);
	assert_int_equal(job_cost_nano(&none, "m", endless), RULE_UNKNOWN);
	assert_int_equal(job_cost_nano(&none, "m", (struct job_tokens){10, 10}), RULE_UNKNOWN);
	assert_int_equal(job_cost_nano(&none, "", (struct job_tokens){0, 0}), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_counts_as_far_as_the_kinds_own_member_bounds_it),
		cmocka_unit_test(test_what_another_kind_reads_or_nobody_understands_is_no_bound),
		cmocka_unit_test(test_answers_are_paid_for_as_often_as_they_are_asked_for),
		cmocka_unit_test(test_each_direction_has_its_own_price_at_the_dearest_upstream),
		cmocka_unit_test(
			test_what_is_free_needs_no_bound_and_what_calls_nobody_no_upstream),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
