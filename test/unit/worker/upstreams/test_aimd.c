/* The limit of calls at a time: down fast, up slowly, never below one. */
#include "upstreams/aimd.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { CEILING = 100 };

/* promises: C14 */
static void test_an_overload_lowers_the_limit_once_a_second(void **state)
{
	struct aimd a = {0};

	assert_int_equal(aimd_limit(&a, CEILING), CEILING);
	for (int i = 0; i < 50; i++)
		aimd_overloaded(&a, 100, CEILING, 5000 + i);
	assert_int_equal(aimd_limit(&a, CEILING), 70);
	aimd_overloaded(&a, 70, CEILING, 5000 + AIMD_HOLD_MS);
	assert_int_equal(aimd_limit(&a, CEILING), 49);
}

static void test_it_falls_from_what_was_under_way(void **state)
{
	struct aimd a = {0};

	aimd_overloaded(&a, 10, CEILING, 1);
	assert_int_equal(aimd_limit(&a, CEILING), 7);
}

static void test_one_call_may_always_go(void **state)
{
	struct aimd a = {0};

	for (int i = 0; i < 100; i++)
		aimd_overloaded(&a, 1, CEILING, 1 + (int64_t)i * AIMD_HOLD_MS);
	assert_int_equal(aimd_limit(&a, CEILING), 1);
	assert_int_equal(aimd_limit(&a, 0), 1);
}

/* promises: C14 */
static void test_answers_raise_it_by_one_a_round_up_to_the_ceiling(void **state)
{
	struct aimd a = {0};

	aimd_overloaded(&a, CEILING, CEILING, 1); /* 70 */
	for (int i = 0; i < 71; i++)
		aimd_answered(&a, 70, CEILING);
	assert_int_equal(aimd_limit(&a, CEILING), 71);
	for (int i = 0; i < 100000; i++)
		aimd_answered(&a, CEILING, CEILING);
	assert_int_equal(aimd_limit(&a, CEILING), CEILING);
}

/* promises: C14 */
static void test_one_error_of_an_idle_upstream_does_not_make_a_crowd_crawl(void **state)
{
	struct aimd a = {0};

	aimd_overloaded(&a, 1, CEILING, 1);
	for (int64_t round = 1; round < 70; round *= 2) {
		assert_int_equal(aimd_limit(&a, CEILING), round);
		for (int64_t i = 0; i < round; i++)
			aimd_answered(&a, round, CEILING);
	}
	assert_int_equal(aimd_limit(&a, CEILING), 70);
	aimd_answered(&a, 70, CEILING);
	assert_int_equal(aimd_limit(&a, CEILING), 70);
}

static void test_a_limit_nobody_uses_does_not_grow(void **state)
{
	struct aimd a = {0};

	aimd_overloaded(&a, 40, CEILING, 1); /* 28 */
	for (int i = 0; i < 1000; i++)
		aimd_answered(&a, 3, CEILING);
	assert_int_equal(aimd_limit(&a, CEILING), 28);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_overload_lowers_the_limit_once_a_second),
		cmocka_unit_test(test_it_falls_from_what_was_under_way),
		cmocka_unit_test(test_one_call_may_always_go),
		cmocka_unit_test(test_answers_raise_it_by_one_a_round_up_to_the_ceiling),
		cmocka_unit_test(test_one_error_of_an_idle_upstream_does_not_make_a_crowd_crawl),
		cmocka_unit_test(test_a_limit_nobody_uses_does_not_grow),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
