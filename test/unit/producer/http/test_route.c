/* Routes: words before parameters, paths as they were sent, and what else would do. */
#include "http/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static void list_one(struct request *r)
{
}

static void read_one(struct request *r)
{
}

static void cancel_many(struct request *r)
{
}

static void cancel_one(struct request *r)
{
}

static void below(struct request *r)
{
}

static const struct route routes[] = {
	{"GET", "/v1/jobs", ROUTE_PUBLIC, ROUTE_TENANT, ROUTE_NO_BODY, list_one,
		PERMISSION_JOB_READ, ROUTE_THING},
	{"GET", "/v1/jobs/{id}", ROUTE_PUBLIC, ROUTE_TENANT, ROUTE_NO_BODY, read_one,
		PERMISSION_JOB_READ, ROUTE_THING},
	{"POST", "/v1/jobs/cancel", ROUTE_PUBLIC, ROUTE_TENANT, ROUTE_JSON, cancel_many,
		PERMISSION_JOB_READ, ROUTE_THING},
	{"POST", "/v1/jobs/{id}/cancel", ROUTE_PUBLIC, ROUTE_TENANT, ROUTE_NO_BODY, cancel_one,
		PERMISSION_JOB_READ, ROUTE_THING},
	{"GET", "/v1/queues", ROUTE_ADMIN, ROUTE_OPERATOR, ROUTE_NO_BODY, list_one,
		PERMISSION_JOB_READ, ROUTE_THING},
	{"GET", "/healthz", ROUTE_BOTH, ROUTE_OPEN, ROUTE_NO_BODY, list_one, PERMISSION_JOB_READ,
		ROUTE_THING},
	{ROUTE_BELOW, "/v1/files", ROUTE_PUBLIC, ROUTE_TENANT, ROUTE_OPENAI, below,
		PERMISSION_JOB_READ, ROUTE_LIST},
	{"GET", "/v1/files/{id}/name", ROUTE_PUBLIC, ROUTE_TENANT, ROUTE_NO_BODY, read_one,
		PERMISSION_JOB_READ, ROUTE_THING},
	{0},
};

static enum err find(const char *method, const char *path, struct route_match *m)
{
	return route_find(routes, ROUTE_PUBLIC, method, path, m);
}

static void a_path_finds_its_row_and_its_parameters(void **state)
{
	struct route_match m;

	assert_int_equal(find("GET", "/v1/jobs/job_1", &m), ERR_OK);
	assert_ptr_equal(m.route->handler, read_one);
	assert_string_equal(m.params[0], "job_1");
	assert_int_equal(find("POST", "/v1/jobs/job_1/cancel", &m), ERR_OK);
	assert_ptr_equal(m.route->handler, cancel_one);
	assert_int_equal(find("HEAD", "/v1/jobs", &m), ERR_OK);
}

static void a_word_is_never_taken_for_a_parameter(void **state)
{
	struct route_match m;

	assert_int_equal(find("POST", "/v1/jobs/cancel", &m), ERR_OK);
	assert_ptr_equal(m.route->handler, cancel_many);
	assert_int_equal(find("GET", "/v1/jobs/cancel", &m), ERR_METHOD);
	assert_non_null(strstr(m.allow, "POST"));
}

static void a_wrong_method_is_told_which_are_right(void **state)
{
	struct route_match m;

	assert_int_equal(find("DELETE", "/v1/jobs", &m), ERR_METHOD);
	assert_string_equal(m.allow, "GET");
	assert_int_equal(find("get", "/v1/jobs", &m), ERR_METHOD);
}

static void a_path_that_is_spelt_otherwise_is_not_there(void **state)
{
	static const char *const paths[] = {"/v1/jobs/", "//v1/jobs", "/V1/jobs", "/v1/./jobs",
		"/v1/jobs//cancel", "", "v1/jobs", "/v1/jobs/%00", "/v1/jobs/%zz", "/v1/jobs/%4",
		"/v1/jobs/a/b/c", "/v1/queues", "/v1/jobs/%ff", "*"};
	struct route_match m;

	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
		assert_int_equal(find("GET", paths[i], &m), ERR_NOT_FOUND);
}

static void what_lies_below_a_prefix_is_its_rows_unless_another_has_it(void **state)
{
	static const char *const others[] = {"/v1/filesystem", "/v1/file", "/v1"};
	struct route_match m;

	assert_int_equal(find("GET", "/v1/files", &m), ERR_OK);
	assert_ptr_equal(m.route->handler, below);
	assert_int_equal(find("PATCH", "/v1/files/a//%zz", &m), ERR_OK);
	assert_ptr_equal(m.route->handler, below);
	assert_int_equal(m.body, ROUTE_OPENAI);
	assert_int_equal(find("GET", "/v1/files/a/name", &m), ERR_OK);
	assert_ptr_equal(m.route->handler, read_one);
	assert_int_equal(m.body, ROUTE_NO_BODY);
	assert_int_equal(find("POST", "/v1/files/a/name", &m), ERR_METHOD);
	assert_string_equal(m.allow, "GET");
	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		assert_int_equal(find("GET", others[i], &m), ERR_NOT_FOUND);
	assert_int_equal(route_find(routes, ROUTE_ADMIN, "GET", "/v1/files", &m), ERR_NOT_FOUND);
}

static void each_listener_has_its_own_calls(void **state)
{
	struct route_match m;

	assert_int_equal(route_find(routes, ROUTE_ADMIN, "GET", "/v1/queues", &m), ERR_OK);
	assert_int_equal(route_find(routes, ROUTE_ADMIN, "GET", "/v1/jobs", &m), ERR_NOT_FOUND);
	assert_int_equal(route_find(routes, ROUTE_ADMIN, "GET", "/healthz", &m), ERR_OK);
	assert_int_equal(find("GET", "/healthz", &m), ERR_OK);
}

static void a_parameter_has_a_longest_length(void **state)
{
	char path[200] = "/v1/jobs/";
	struct route_match m;

	memset(path + 9, 'a', ROUTE_PARAM_MAX - 1);
	assert_int_equal(find("GET", path, &m), ERR_OK);
	path[9 + ROUTE_PARAM_MAX - 1] = 'a';
	assert_int_equal(find("GET", path, &m), ERR_NOT_FOUND);
}

static void escapes_are_decoded_once(void **state)
{
	char out[16];

	assert_true(route_unescape("a%2Fb", 5, false, out, sizeof out));
	assert_string_equal(out, "a/b");
	assert_true(route_unescape("%2541", 5, false, out, sizeof out));
	assert_string_equal(out, "%41");
	assert_true(route_unescape("a+b", 3, true, out, sizeof out));
	assert_string_equal(out, "a b");
	assert_true(route_unescape("a+b", 3, false, out, sizeof out));
	assert_string_equal(out, "a+b");
	assert_false(route_unescape("%", 1, false, out, sizeof out));
	assert_false(route_unescape("%4", 2, false, out, sizeof out));
	assert_false(route_unescape("0123456789abcdef", 16, false, out, sizeof out));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_path_finds_its_row_and_its_parameters),
		cmocka_unit_test(a_word_is_never_taken_for_a_parameter),
		cmocka_unit_test(a_wrong_method_is_told_which_are_right),
		cmocka_unit_test(a_path_that_is_spelt_otherwise_is_not_there),
		cmocka_unit_test(what_lies_below_a_prefix_is_its_rows_unless_another_has_it),
		cmocka_unit_test(each_listener_has_its_own_calls),
		cmocka_unit_test(a_parameter_has_a_longest_length),
		cmocka_unit_test(escapes_are_decoded_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
