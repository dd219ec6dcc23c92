#include "spoken.h"

#include "client.h"
#include "filter.h"
#include "job.h"
#include "output.h"
#include "problem.h"
#include "secret_file.h"

#include <sys/stat.h>
#include <unistd.h>

static json_t *json(const char *text)
{
	json_t *value = json_loads(text, 0, NULL);

	assert_non_null(value);
	return value;
}

static void test_tables_are_as_wide_as_their_widest_cell(void **state)
{
	static const char *const heads[] = {"NAME", "N", NULL};
	struct table table;
	struct spoken s;

	SPOKEN(&s, "queue", "list");
	table_init(&table, heads);
	table_cell(&table, "\xc3\xa4rger");
	table_number(&table, 7);
	table_cell(&table, NULL);
	table_cell(&table, "x");
	assert_int_equal(table_print(&s.call, &table), OUTCOME_OK);
	spoken_flush(&s);
	assert_string_equal(s.out, "NAME   N\n\xc3\xa4rger  7\n-      x\n");
	table_clear(&table);
	spoken_close(&s);
}

static void test_numbers_come_out_as_they_came(void **state)
{
	static const char sent[] = "{\"a\":[0.1,-0.006929283495992422,1,2.0,1e-7,100000000],\"b\":"
				   "\"0.10000000000000001\\\"7\"}";
	json_t *value = json(sent);
	struct spoken s;

	SPOKEN(&s, "queue", "list");
	assert_int_equal(output_json(&s.call, value), OUTCOME_OK);
	spoken_flush(&s);
	assert_string_equal(s.out, "{\"a\":[0.1,-0.006929283495992422,1,2.0,1e-07,100000000],\"b\":"
				   "\"0.10000000000000001\\\"7\"}\n");
	json_decref(value);
	spoken_close(&s);
}

static void test_a_problem_is_said_with_its_pointers(void **state)
{
	json_t *problem =
		json("{\"detail\":\"must be\",\"title\":\"a field has a wrong value\",\"code\":"
		     "\"invalid_field\",\"errors\":[{\"pointer\":\"/priority\",\"detail\":"
		     "\"must be 0 to 9\"}]}");
	struct spoken s;

	SPOKEN(&s, "submit", "x");
	problem_say(&s.call, 422, problem, 3);
	problem_say(&s.call, 500, NULL, 0);
	problem_say_line(&s.call, 17, problem);
	spoken_flush(&s);
	assert_string_equal(s.err,
		"longhaul submit: a field has a wrong value (invalid_field)\n"
		"  /priority: must be 0 to 9\n"
		"  try again in 3 s\n"
		"longhaul submit: the server answered with status 500\n"
		"longhaul submit: line 17: a field has a wrong value (invalid_field)\n"
		"  /priority: must be 0 to 9\n");
	json_decref(problem);
	spoken_close(&s);
}

static void answers(const char *text, const char *expected)
{
	json_t *job = json(text);
	struct buf answer;

	buf_init(&answer, 4096);
	job_answer(job, &answer);
	assert_string_equal(answer.len > 0 ? answer.bytes : "", expected);
	buf_clear(&answer);
	json_decref(job);
}

static void test_the_answer_is_found_in_every_api(void **state)
{
	answers("{\"result\":{\"choices\":[{\"message\":{\"content\":\"hi\"}}]}}", "hi");
	answers("{\"result\":{\"output\":[{\"content\":[{\"text\":\"a\"},{\"text\":\"b\"}]}]}}",
		"ab");
	answers("{\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"yes\"}]}}", "yes");
	answers("{\"result\":{\"data\":[1]}}", "{\"data\":[1]}");
	answers("{\"result\":null}", "");
	answers("{}", "");
}

static void test_personal_filters_never_stand_in_a_url(void **state)
{
	struct spoken s;
	struct buf path;
	json_t *body = NULL;

	SPOKEN(&s, "list", "--queue", "a b", "--subject", "user-7", "--metadata", "k=v", "--dead");
	assert_true(filter_needs_body(&s.call));
	buf_init(&path, 1024);
	buf_text(&path, "/v1/jobs");
	assert_int_equal(filter_query(&s.call, &path), OUTCOME_OK);
	assert_string_equal(path.bytes, "/v1/jobs?queue=a%20b&dead=true");
	assert_int_equal(filter_body(&s.call, &body), OUTCOME_OK);
	assert_string_equal(json_string_value(json_object_get(body, "subject")), "user-7");
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(body, "metadata"), "k")), "v");
	assert_true(json_is_true(json_object_get(body, "dead")));
	json_decref(body);
	buf_clear(&path);
	spoken_close(&s);
}

static void test_a_secret_goes_to_a_new_private_file(void **state)
{
	char folder[] = "/tmp/longhaul-secret-XXXXXX";
	char path[64], text[16] = "";
	struct spoken s;
	struct stat info;
	FILE *in;
	int fd = -1;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/key", folder);
	SPOKEN(&s, "bootstrap");
	assert_int_equal(secret_file_reserve(&s.call, path, &fd), OUTCOME_OK);
	assert_int_equal(secret_file_fill(&s.call, path, fd, "lh_1"), OUTCOME_OK);
	assert_int_equal(stat(path, &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
	in = fopen(path, "r");
	assert_non_null(fgets(text, sizeof(text), in));
	fclose(in);
	assert_string_equal(text, "lh_1\n");
	assert_int_equal(secret_file_reserve(&s.call, path, &fd), OUTCOME_USAGE);
	spoken_flush(&s);
	assert_true(spoken_has(s.err, "only written to a new file"));
	unlink(path);
	assert_int_equal(secret_file_reserve(&s.call, path, &fd), OUTCOME_OK);
	secret_file_drop(path, fd);
	assert_int_equal(access(path, F_OK), -1);
	rmdir(folder);
	spoken_close(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables_are_as_wide_as_their_widest_cell),
		cmocka_unit_test(test_numbers_come_out_as_they_came),
		cmocka_unit_test(test_a_problem_is_said_with_its_pointers),
		cmocka_unit_test(test_the_answer_is_found_in_every_api),
		cmocka_unit_test(test_personal_filters_never_stand_in_a_url),
		cmocka_unit_test(test_a_secret_goes_to_a_new_private_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
