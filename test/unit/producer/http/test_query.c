/* Queries: known names, once each, in range. */
#include "http/query.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static const struct query_field fields[] = {{"wait", QUERY_INT, 0, 60}, {"dead", QUERY_BOOL, 0, 0},
	{"since", QUERY_TIME, 0, 0}, {"name", QUERY_TEXT, 1, 4}, {NULL, QUERY_TEXT, 0, 0}};

static bool fits(const char *name, const char *value)
{
	struct query q = {0};
	struct problems p = {0};

	query_add(&q, name, value);
	return query_check(&q, fields, &p);
}

static void values_in_range_are_read(void **state)
{
	struct query q = {0};
	struct problems p = {0};

	query_add(&q, "wait", "30");
	query_add(&q, "dead", "false");
	query_add(&q, "since", "2026-01-31T12:00:00Z");
	query_add(&q, "name", "a%20b");
	assert_true(query_check(&q, fields, &p));
	assert_int_equal(query_int(&q, "wait", 7), 30);
	assert_int_equal(query_bool(&q, "dead"), 0);
	assert_true(query_time(&q, "since") > 0);
	assert_string_equal(query_text(&q, "name"), "a b");
}

static void what_is_missing_has_its_initial_value(void **state)
{
	struct query q = {0};

	assert_int_equal(query_int(&q, "wait", 7), 7);
	assert_int_equal(query_bool(&q, "dead"), -1);
	assert_true(query_time(&q, "since") == 0);
	assert_null(query_text(&q, "name"));
}

static void values_out_of_range_are_refused(void **state)
{
	static const char *const bad[][2] = {{"wait", "61"}, {"wait", "-1"}, {"wait", "soon"},
		{"wait", "1e3"}, {"wait", ""}, {"wait", NULL}, {"wait", "99999999999999999999"},
		{"dead", "yes"}, {"since", "tomorrow"}, {"name", ""}, {"name", "abcde"},
		{"other", "1"}, {"name", "%zz"}, {"name", "%00"}};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_false(fits(bad[i][0], bad[i][1]));
}

static void a_name_may_come_once(void **state)
{
	struct query q = {0};
	struct problems p = {0};

	query_add(&q, "wait", "1");
	query_add(&q, "wait", "1");
	assert_false(query_check(&q, fields, &p));
	assert_string_equal(p.list[0].pointer, "?wait");
}

static void a_name_that_is_not_known_is_told_with_those_that_are(void **state)
{
	struct query q = {0};
	struct problems p = {0};

	query_add(&q, "st%22at", "1");
	assert_false(query_check(&q, fields, &p));
	assert_string_equal(p.list[0].pointer, "?st\"at");
	assert_non_null(strstr(p.list[0].detail, ": there are wait, dead, since, name"));
	assert_false(query_check(&q, fields + 4, &p));
	assert_non_null(strstr(p.list[1].detail, "no parameter at all"));
}

static void too_many_pairs_are_refused(void **state)
{
	struct query q = {0};
	struct problems p = {0};

	for (int i = 0; i <= QUERY_MAX; i++)
		query_add(&q, "wait", "1");
	assert_true(q.bad);
	assert_false(query_check(&q, fields, &p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_in_range_are_read),
		cmocka_unit_test(what_is_missing_has_its_initial_value),
		cmocka_unit_test(values_out_of_range_are_refused),
		cmocka_unit_test(a_name_may_come_once),
		cmocka_unit_test(a_name_that_is_not_known_is_told_with_those_that_are),
		cmocka_unit_test(too_many_pairs_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
