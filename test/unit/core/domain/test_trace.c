/* traceparent: taken as the standard says, or ignored. */
#include "domain/trace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char EXAMPLE[] = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

static bool parse(const char *text, struct trace *ret)
{
	return trace_parse(text, strlen(text), ret);
}

static void test_the_standards_example_goes_and_comes_back(void **state)
{
	struct trace trace;
	char text[TRACE_PARENT_MAX];
	char id[TRACE_ID_MAX];

	assert_true(parse(EXAMPLE, &trace));
	trace_format(&trace, text);
	assert_string_equal(text, EXAMPLE);
	trace_id_format(&trace, id);
	assert_string_equal(id, "4bf92f3577b34da6a3ce929d0e0e4736");
}

static void test_later_versions_are_read_as_far_as_we_know_them(void **state)
{
	struct trace trace;

	assert_true(parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &trace));
	assert_true(parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", &trace));
	assert_false(parse("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x", &trace));
	assert_false(parse("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", &trace));
	assert_false(parse("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-x", &trace));
}

static void test_any_other_byte_anywhere_is_refused(void **state)
{
	char text[sizeof(EXAMPLE)];
	struct trace trace;

	for (size_t i = 0; i < sizeof(EXAMPLE) - 1; i++) {
		memcpy(text, EXAMPLE, sizeof(text));
		text[i] = 'A';
		assert_false(parse(text, &trace));
		assert_false(trace_parse(EXAMPLE, i, &trace));
	}
	assert_false(parse("00-00000000000000000000000000000000-00f067aa0ba902b7-01", &trace));
	assert_false(parse("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01", &trace));
}

static void test_a_child_stays_in_its_trace(void **state)
{
	struct trace trace = trace_new();
	struct trace child = trace_child(&trace);
	struct trace back;
	char text[TRACE_PARENT_MAX];

	assert_memory_equal(trace.trace_id, child.trace_id, sizeof(trace.trace_id));
	assert_memory_not_equal(trace.parent_id, child.parent_id, sizeof(trace.parent_id));
	trace_format(&child, text);
	assert_true(parse(text, &back));
	assert_memory_equal(&back, &child, sizeof(back));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_standards_example_goes_and_comes_back),
		cmocka_unit_test(test_later_versions_are_read_as_far_as_we_know_them),
		cmocka_unit_test(test_any_other_byte_anywhere_is_refused),
		cmocka_unit_test(test_a_child_stays_in_its_trace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
