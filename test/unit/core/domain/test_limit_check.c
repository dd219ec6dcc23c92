/* Limits that can never be reached beside a wider one. */
#include "domain/limit_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

enum { SET, REMOVE };

static const struct limit_row rows[] = {
	{"default", LIMIT_GLOBAL, "", {1000, 1000, 60}},
	{"default", LIMIT_TENANT, "", {100, 100, 60}},
	{"default", LIMIT_USER, "", {50, 50, 60}},
	{"gold", LIMIT_TENANT, "", {600, 600, 60}},
	{"gold", LIMIT_USER, "", {300, 300, 60}},
	{"poor", LIMIT_TENANT, "", {20, 20, 60}},
	{"default", LIMIT_TOKENS_GLOBAL, "", {9000, 9000, 60}},
	{"rich", LIMIT_TOKENS, "", {5000, 5000, 60}},
};
static const struct request_limit configured[LIMIT_LEVELS] = {[LIMIT_IP] = {700, 700, 60}};
static const struct limit_rows all = {rows, sizeof rows / sizeof *rows, configured};

static const struct {
	struct limit_row changed;
	int how;
	const char *narrow, *wide; /* plans; NULL: it may be */
	enum limit_level narrow_level, wide_level;
} cases[] = {
	{{"gold", LIMIT_USER, "", {601, 1, 60}}, SET, "gold", "gold", LIMIT_USER, LIMIT_TENANT},
	{{"gold", LIMIT_USER, "", {600, 1, 60}}, SET, NULL, NULL, 0, 0},
	/* a rate, not a number: ten a second are 600 a minute */
	{{"gold", LIMIT_USER, "", {11, 1, 1}}, SET, "gold", "gold", LIMIT_USER, LIMIT_TENANT},
	{{"gold", LIMIT_USER, "", {36000, 1, 3600}}, SET, NULL, NULL, 0, 0},
	{{"gold", LIMIT_USER, "", {0, 1, 60}}, SET, NULL, NULL, 0, 0},
	{{"gold", LIMIT_ROLE, "guest", {601, 1, 60}}, SET, "gold", "gold", LIMIT_ROLE,
		LIMIT_TENANT},
	/* the default's tenant holds where a plan says nothing of it */
	{{"new", LIMIT_USER, "", {101, 1, 60}}, SET, "new", "default", LIMIT_USER, LIMIT_TENANT},
	{{"gold", LIMIT_TENANT, "", {299, 1, 60}}, SET, "gold", "gold", LIMIT_USER, LIMIT_TENANT},
	{{"gold", LIMIT_TENANT, "", {1001, 1, 60}}, SET, "gold", "default", LIMIT_TENANT,
		LIMIT_GLOBAL},
	{{"gold", LIMIT_TENANT, "", {0, 1, 60}}, REMOVE, "gold", "default", LIMIT_USER,
		LIMIT_TENANT},
	{{"gold", LIMIT_USER, "", {0, 1, 60}}, REMOVE, NULL, NULL, 0, 0},
	{{"default", LIMIT_TENANT, "", {49, 1, 60}}, SET, "default", "default", LIMIT_USER,
		LIMIT_TENANT},
	/* what it has from the default plan is no word of its own */
	{{"poor", LIMIT_TENANT, "", {10, 1, 60}}, SET, NULL, NULL, 0, 0},
	{{"default", LIMIT_GLOBAL, "", {599, 1, 60}}, SET, "gold", "default", LIMIT_TENANT,
		LIMIT_GLOBAL},
	{{"gold", LIMIT_IP, "", {1001, 1, 60}}, SET, "gold", "default", LIMIT_IP, LIMIT_GLOBAL},
	/* tokens say nothing of requests */
	{{"gold", LIMIT_TOKENS, "", {9000, 1, 60}}, SET, NULL, NULL, 0, 0},
	{{"gold", LIMIT_TOKENS, "", {9001, 1, 60}}, SET, "gold", "default", LIMIT_TOKENS,
		LIMIT_TOKENS_GLOBAL},
	{{"rich", LIMIT_TOKENS_USER, "", {5001, 1, 60}}, SET, "rich", "rich", LIMIT_TOKENS_USER,
		LIMIT_TOKENS},
	{{"rich", LIMIT_TOKENS_ROLE, "guest", {5001, 1, 60}}, SET, "rich", "rich",
		LIMIT_TOKENS_ROLE, LIMIT_TOKENS},
	{{"rich", LIMIT_TOKENS_ROLE, "guest", {5000, 1, 60}}, SET, NULL, NULL, 0, 0},
	{{"default", LIMIT_TOKENS_GLOBAL, "", {4999, 1, 60}}, SET, "rich", "default", LIMIT_TOKENS,
		LIMIT_TOKENS_GLOBAL},
};

/* promises: S1.2 */
static void test_what_can_never_be_reached_contradicts(void **state)
{
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct limit_clash clash;
		const bool said =
			limit_contradicts(&all, &cases[i].changed, cases[i].how == REMOVE, &clash);

		assert_int_equal(said, cases[i].narrow != NULL);
		if (!said)
			continue;
		assert_string_equal(clash.narrow.plan, cases[i].narrow);
		assert_string_equal(clash.wide.plan, cases[i].wide);
		assert_int_equal(clash.narrow.level, cases[i].narrow_level);
		assert_int_equal(clash.wide.level, cases[i].wide_level);
	}
}

/* promises: S1.2 */
static void test_the_configuration_is_the_widest_word(void **state)
{
	static const struct request_limit tight[LIMIT_LEVELS] = {[LIMIT_TENANT] = {10, 10, 60}};
	const struct limit_rows none = {NULL, 0, tight};
	const struct limit_row changed = {"gold", LIMIT_ROLE, "guest", {20, 20, 60}};
	struct limit_clash clash;
	char why[LIMIT_WHY_MAX];

	assert_true(limit_contradicts(&none, &changed, false, &clash));
	limit_clash_tell(&clash, why);
	assert_string_equal(why, "contradicts: gold/role:guest > request_limits/tenant:"
				 " 20 in 60 s can never come through 10 in 60 s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_can_never_be_reached_contradicts),
		cmocka_unit_test(test_the_configuration_is_the_widest_word),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
