/* The hard quota: no window holds more, wherever it begins. */
#include "simulator/quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct behaviour how_of(const char *model)
{
	struct behaviour how;

	assert_int_equal(behaviour_parse(model, &how), ERR_OK);
	return how;
}

static void test_no_window_holds_more_than_the_limit(void **state)
{
	const struct behaviour how = how_of("sim?rpm=10&window_ms=1000");
	int64_t passed[1000];
	struct quotas q = {0};
	struct quota_left left;
	size_t n = 0;

	for (int64_t now_us = 1; now_us < 20000000; now_us += 3777)
		if (quotas_pass(&q, 1, &how, 1, now_us, &left))
			passed[n++] = now_us;
	assert_in_range(n, 190, 200);
	for (size_t i = 10; i < n; i++)
		assert_true(passed[i] - passed[i - 10] >= 1000000);
	quotas_clear(&q);
}

static void test_a_refusal_says_when_to_come_again(void **state)
{
	const struct behaviour how = how_of("sim?tpm=100&window_ms=1000");
	struct quotas q = {0};
	struct quota_left left;

	assert_true(quotas_pass(&q, 1, &how, 60, 1000, &left));
	assert_int_equal(left.tokens, 40);
	assert_true(quotas_pass(&q, 1, &how, 40, 501000, &left));
	assert_false(quotas_pass(&q, 1, &how, 1, 601000, &left));
	assert_int_equal(left.wait_ms, 401);
	assert_true(quotas_pass(&q, 1, &how, 1, 601000 + left.wait_ms * 1000, &left));
	quotas_clear(&q);
}

static void test_models_have_quotas_of_their_own(void **state)
{
	const struct behaviour how = how_of("sim?rpm=1"), free_how = how_of("sim");
	struct quotas q = {0};
	struct quota_left left;

	assert_true(quotas_pass(&q, 1, &how, 1, 1, &left));
	assert_false(quotas_pass(&q, 1, &how, 1, 2, &left));
	assert_true(quotas_pass(&q, 2, &how, 1, 2, &left));
	assert_true(quotas_pass(&q, 1, &free_how, 1, 2, &left));
	quotas_clear(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_window_holds_more_than_the_limit),
		cmocka_unit_test(test_a_refusal_says_when_to_come_again),
		cmocka_unit_test(test_models_have_quotas_of_their_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
