/* A line of the log is one JSON object, whatever is in it, and never longer than it may be. */
#include "ground/log.h"

#include "ports/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

/* What fn writes to standard error, as JSON. */
static json_t *line_of(void (*fn)(void))
{
	char text[5000];
	struct problems problems = {.n = 0};
	json_t *value = NULL;
	int saved = dup(STDERR_FILENO);
	int fds[2];
	ssize_t n;

	assert_int_equal(pipe(fds), 0);
	dup2(fds[1], STDERR_FILENO);
	fn();
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	n = read(fds[0], text, sizeof(text));
	close(fds[0]);
	if (n <= 0)
		return NULL;
	assert_true(n <= 2048);
	assert_int_equal(text[n - 1], '\n');
	assert_int_equal(json_read(text, (size_t)n, 2, &problems, &value), ERR_OK);
	return value;
}

static void usual(void)
{
	struct id id;

	if (id_uuid_parse("01890a5d-ac96-774b-bcce-b302099a8057", &id))
		log_info("job \"done\"", LOG_ID("job", "job", id), LOG_INT("attempt", -2),
			LOG_ERR(ERR_LOST));
}

static void test_fields_come_out_as_they_went_in(void **state)
{
	json_t *line = line_of(usual);

	assert_string_equal(json_string_value(json_object_get(line, "message")), "job \"done\"");
	assert_string_equal(
		json_string_value(json_object_get(line, "job")), "job_01h455vb4pex5vsknk084sn02q");
	assert_int_equal(json_integer_value(json_object_get(line, "attempt")), -2);
	assert_string_equal(json_string_value(json_object_get(line, "error")), "lost");
	assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
	json_decref(line);
}

static void monstrous(void)
{
	char text[3000];

	for (size_t i = 0; i < sizeof(text) - 1; i++)
		text[i] = (char)(i % 255 + 1);
	text[sizeof(text) - 1] = '\0';
	log_error(text, LOG_TEXT("a", text), LOG_TEXT("b", text), LOG_TEXT("c", "kept"),
		LOG_TEXT("none", NULL));
}

static void test_any_bytes_at_any_length_stay_one_json_line(void **state)
{
	json_t *line = line_of(monstrous);

	assert_string_equal(json_string_value(json_object_get(line, "level")), "error");
	assert_string_equal(json_string_value(json_object_get(line, "c")), "kept");
	json_decref(line);
}

static void quiet(void)
{
	log_debug("nobody asked");
}

static void test_lines_below_the_level_are_not_written(void **state)
{
	enum log_level level;

	assert_null(line_of(quiet));
	assert_int_equal(log_level_parse("debug", &level), 0);
	assert_int_equal(log_level_parse("loud", &level), -1);
	assert_int_equal(log_level_parse(NULL, &level), -1);
	log_set_level(level);
	json_decref(line_of(quiet));
	log_set_level(LOG_LEVEL_INFO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_come_out_as_they_went_in),
		cmocka_unit_test(test_any_bytes_at_any_length_stay_one_json_line),
		cmocka_unit_test(test_lines_below_the_level_are_not_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
