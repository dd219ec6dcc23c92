/* A model's name says how it behaves, and a mistyped name says nothing at all. */
#include "simulator/behaviour.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void a_plain_name_asks_for_nothing(void **state)
{
	struct behaviour b;

	assert_int_equal(behaviour_parse("sim", &b), ERR_OK);
	assert_true(b.tokens < 0 && b.fail < 0 && b.seed < 0 && b.ttft_ms < 0);
	assert_int_equal(behaviour_parse("sim?", &b), ERR_OK);
}

static void every_parameter_is_read(void **state)
{
	struct behaviour b;
	const char *name =
		"sim?ttft_ms=200&itl_ms=20&tokens=100&chunk_tokens=2&jitter=0.2&fail=429"
		"&fail_times=2&retry_after=3&truncate=40&hang_after=10&malformed=1&drip=1"
		"&seed=7";

	assert_int_equal(behaviour_parse(name, &b), ERR_OK);
	assert_true(b.ttft_ms == 200 && b.itl_ms == 20 && b.tokens == 100 && b.chunk_tokens == 2);
	assert_true(b.jitter == 0.2 && b.fail == 429 && b.fail_times == 2 && b.retry_after == 3);
	assert_true(b.truncate == 40 && b.hang_after == 10 && b.malformed == 1 && b.drip == 1);
	assert_true(b.seed == 7);
}

static void a_wrong_name_is_refused_and_changes_nothing(void **state)
{
	static const char *const wrong[] = {"sim?typo=1", "sim?tokens",
		"sim?tokens=", "sim?tokens=x", "sim?tokens=1x", "sim?tokens=-1", "sim?jitter=2",
		"sim?=1", "sim?fail=600", "sim?&", "sim?tokens=nan"};
	struct behaviour b, before;

	behaviour_init(&b);
	before = b;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(behaviour_parse(wrong[i], &b), ERR_INVALID_FIELD);
		assert_memory_equal(&b, &before, sizeof(b));
	}
}

static void a_fault_lies_over_what_a_name_asks(void **state)
{
	struct behaviour b, fault;

	assert_int_equal(behaviour_parse("sim?tokens=5&fail=429", &b), ERR_OK);
	behaviour_init(&fault);
	assert_int_equal(behaviour_set(&fault, "fail", 4, 503), ERR_OK);
	behaviour_overlay(&b, &fault);
	assert_true(b.fail == 503 && b.tokens == 5);
	behaviour_spare(&b);
	assert_true(b.fail < 0 && b.tokens == 5);
}

static void a_wait_stays_within_its_jitter_and_repeats(void **state)
{
	struct behaviour b;

	assert_int_equal(behaviour_parse("sim?jitter=0.5", &b), ERR_OK);
	for (uint64_t n = 0; n < 1000; n++) {
		int64_t us = behaviour_wait_us(&b, 100, 7, n);
		assert_true(us >= 50000 && us <= 150000);
		assert_int_equal(us, behaviour_wait_us(&b, 100, 7, n));
	}
	assert_int_equal(behaviour_wait_us(&b, -1, 7, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_name_asks_for_nothing),
		cmocka_unit_test(every_parameter_is_read),
		cmocka_unit_test(a_wrong_name_is_refused_and_changes_nothing),
		cmocka_unit_test(a_fault_lies_over_what_a_name_asks),
		cmocka_unit_test(a_wait_stays_within_its_jitter_and_repeats),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
