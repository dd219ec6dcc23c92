/* Reading is strict, problems say where, and a member's bytes can be had as they were sent. */
#include "ports/json.h"

#include <malloc.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { MEBIBYTE = 1024 * 1024 };

static enum err read_text(const char *text, size_t len, struct problems *p)
{
	json_t *value = NULL;
	enum err e;

	*p = (struct problems){.n = 0};
	e = json_read(text, len, 4, p, &value);
	json_decref(value);
	return e;
}

static void test_what_is_not_strict_json_is_refused_with_its_place(void **state)
{
	static const char *const cases[] = {"", " ", "{", "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}",
		"01", "1 2", "nul", "NaN", "'a'", "\"\\u0000\"", "\"\\ud800\"", "\"\x01\"",
		"\"\xff\"", "\"\xc0\x80\"", "{\"a\\u0000\":1}", "1e999", "99999999999999999999",
		"\xef\xbb\xbf{}", "{a:1}", "// c\n1", "[1}", "\"\\x\"", "-", "+1", ".5"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct problems p;

		assert_int_equal(read_text(cases[i], strlen(cases[i]), &p), ERR_INVALID_JSON);
		assert_int_equal(p.n, 1);
		assert_string_equal(p.list[0].pointer, "");
		assert_non_null(strstr(p.list[0].detail, i < 2 ? "empty" : "line "));
	}
}

static void test_a_nul_is_refused_wherever_it_stands(void **state)
{
	static const struct {
		const char *text;
		size_t len;
		const char *detail;
	} cases[] = {
		{"\"a\0b\"", 5, "byte 3: a NUL"},
		{"{\"a\":false\0}", 12, "byte 11: a NUL"},
		{"[1\0]", 4, "byte 3: a NUL"},
		{"[\0]", 3, "byte 2: a NUL"},
		{"1\0", 2, "byte 2: a NUL"},
		{"\0", 1, "byte 1: a NUL"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct problems p;

		assert_int_equal(read_text(cases[i].text, cases[i].len, &p), ERR_INVALID_JSON);
		assert_int_equal(p.n, 1);
		assert_string_equal(p.list[0].detail, cases[i].detail);
	}
}

static void test_depth_counts_brackets_outside_of_texts(void **state)
{
	struct problems p;

	assert_int_equal(read_text("[[[[1]]]]", 9, &p), ERR_OK);
	assert_int_equal(read_text("[[[[[1]]]]]", 11, &p), ERR_TOO_LARGE);
	assert_int_equal(read_text("[\"[[[[[\\\"[[[\"]", 14, &p), ERR_OK);
	assert_int_equal(read_text("[[],[],[],[],[],[]]", 19, &p), ERR_OK);
}

static size_t allocated(void)
{
	const struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

/* Elements of a list, so many that no block is one that an allocator kept for small ones. */
static size_t list_of(char *out, const char *element, size_t n, size_t *ret_texts)
{
	size_t len = 0, texts = strlen(element);

	out[len++] = '[';
	for (size_t i = 0; i < n; i++)
		len += (size_t)sprintf(out + len, "%s%s", i ? "," : "", element);
	out[len++] = ']';
	*ret_texts = n * texts;
	return len;
}

static void test_values_take_no_more_memory_than_was_said(void **state)
{
	static const char *const elements[] = {"{}", "[]", "1", "1.5", "null", "\"\"",
		"\"some text\"", "{\"\":1}", "{\"a\":{\"b\":{}}}", "[[1],[2],[{}]]",
		"{\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,\"h\":8,\"i\":9}"};
	enum { N = 20000 };
	char *text = malloc((size_t)N * 80);

	assert_non_null(text);
	for (size_t i = 0; i < sizeof elements / sizeof *elements; i++) {
		size_t texts, len = list_of(text, elements[i], N, &texts);
		const struct json_bounds bounds = {64, json_weight(text, len)};
		const struct json_bounds less = {64, bounds.memory - 1};
		struct problems p = {.n = 0};
		json_t *value = NULL;
		const size_t before = allocated();

		assert_int_equal(json_read_within(text, len, &bounds, &p, &value), ERR_OK);
		assert_true(allocated() - before <= bounds.memory + texts);
		json_decref(value);
		assert_int_equal(json_read_within(text, len, &less, &p, &value), ERR_TOO_LARGE);
		assert_non_null(strstr(p.list[0].detail, "MiB of memory"));
	}
	free(text);
}

static void test_texts_weigh_the_same_whatever_is_in_them(void **state)
{
	assert_int_equal(json_weight("[\"{[,:]},[]\"]", 14), json_weight("[\"\"]", 4));
	assert_int_equal(json_weight("[\"\\\",{}\"]", 10), json_weight("[\"\"]", 4));
}

static void test_a_fault_never_quotes_what_was_sent(void **state)
{
	struct problems p;

	assert_int_equal(read_text("{\"k\": sesame}", 13, &p), ERR_INVALID_JSON);
	assert_null(strstr(p.list[0].detail, "sesame"));
	assert_string_equal(p.list[0].detail, "line 1, column 12: this is not JSON");
}

static json_t *value_of(const char *text)
{
	struct problems p = {.n = 0};
	json_t *value = NULL;

	assert_int_equal(json_read(text, strlen(text), 64, &p, &value), ERR_OK);
	return value;
}

static const struct json_field FIELDS[] = {
	{"name", JSON_IS_STRING, JSON_REQUIRED, 2, 4},
	{"n", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 0, 9},
	{"list", JSON_IS_ARRAY, JSON_OPTIONAL, 1, 2},
	{"map", JSON_IS_OBJECT, JSON_OPTIONAL, 0, 1},
	{"any", JSON_IS_NUMBER | JSON_IS_BOOL, JSON_OPTIONAL, 0, 0},
	{NULL, 0, JSON_OPTIONAL, 0, 0},
};

static void expect(const char *text, const char *pointer, const char *detail)
{
	struct problems p = {.n = 0};
	json_t *value = value_of(text);
	bool ok = json_check(value, "/in", FIELDS, &p);

	assert_int_equal(ok, pointer == NULL);
	assert_int_equal(p.total, pointer != NULL);
	if (pointer != NULL) {
		assert_string_equal(p.list[0].pointer, pointer);
		assert_string_equal(p.list[0].detail, detail);
	}
	json_decref(value);
}

static void test_a_table_of_fields_is_a_schema(void **state)
{
	expect("{\"name\":\"abc\",\"n\":null,\"list\":[1],\"map\":{},\"any\":1.5}", NULL, NULL);
	expect("{\"name\":\"ab\",\"n\":9,\"any\":true}", NULL, NULL);
	expect("{}", "/in/name", "is required");
	expect("{\"name\":1}", "/in/name", "must be a string");
	expect("{\"name\":\"a\"}", "/in/name", "must have 2 to 4 bytes");
	expect("{\"name\":\"abcde\"}", "/in/name", "must have 2 to 4 bytes");
	expect("{\"name\":\"ab\",\"n\":10}", "/in/n", "must be 0 to 9");
	expect("{\"name\":\"ab\",\"n\":-1}", "/in/n", "must be 0 to 9");
	expect("{\"name\":\"ab\",\"n\":1.0}", "/in/n", "must be an integer or null");
	expect("{\"name\":\"ab\",\"list\":[]}", "/in/list", "must have 1 to 2 elements");
	expect("{\"name\":\"ab\",\"map\":{\"a\":1,\"b\":2}}", "/in/map",
		"must have 0 to 1 members");
	expect("{\"name\":\"ab\",\"any\":\"x\"}", "/in/any", "must be a number or true or false");
	expect("{\"name\":\"ab\",\"a~/b\":1}", "/in/a~0~1b", "is not a known field");
	expect("[]", "/in", "must be an object");
}

static void test_all_problems_are_counted_and_some_kept(void **state)
{
	struct problems p = {.n = 0};

	for (int i = 0; i < 100; i++)
		problems_add(&p, "/x", "number %d", i);
	assert_int_equal(p.n, PROBLEM_MAX);
	assert_int_equal(p.total, 100);
	assert_string_equal(p.list[3].detail, "number 3");
}

static void test_long_pointers_and_details_are_cut_between_characters(void **state)
{
	struct problems p = {.n = 0};
	char text[1001];

	for (int i = 0; i < 500; i++)
		memcpy(text + 2 * i, "\xc3\xa9", 2);
	text[1000] = '\0';
	problems_add(&p, text, "%s", text);
	assert_int_equal(strlen(p.list[0].pointer), (PROBLEM_POINTER_MAX - 1) / 2 * 2);
	assert_true(strlen(p.list[0].detail) < PROBLEM_DETAIL_MAX);
	assert_int_equal(strlen(p.list[0].detail) % 2, 0);
}

static void expect_raw(const char *text, const char *name, const char *expected)
{
	size_t at = 0, len = 0;
	bool found = json_raw(text, strlen(text), name, &at, &len);

	assert_int_equal(found, expected != NULL);
	if (expected != NULL) {
		assert_int_equal(len, strlen(expected));
		assert_memory_equal(text + at, expected, len);
	}
}

static void test_a_member_is_had_as_it_was_sent(void **state)
{
	static const char text[] =
		" { \"a\" : {\"input\": [1, 0.70] , \"x\":\"}\\\"\"} ,\"s\":\"a,b}\",\n"
		"\"input\" :\t{ \"temperature\" : 0.70 }\n, \"last\":1e2 }";

	expect_raw(text, "a", "{\"input\": [1, 0.70] , \"x\":\"}\\\"\"}");
	expect_raw(text, "s", "\"a,b}\"");
	expect_raw(text, "input", "{ \"temperature\" : 0.70 }");
	expect_raw(text, "last", "1e2");
	expect_raw(text, "x", NULL);
	expect_raw("{}", "x", NULL);
	expect_raw("[1]", "x", NULL);
}

static void test_written_text_is_compact(void **state)
{
	json_t *value = value_of("{ \"a\" : [ 1 , true, null, \"\xc3\xa9\" ] }");
	struct buf out;

	buf_init(&out, 100);
	assert_int_equal(json_write(value, &out), ERR_OK);
	assert_string_equal(out.bytes, "{\"a\":[1,true,null,\"\xc3\xa9\"]}");
	buf_clear(&out);
	buf_init(&out, 5);
	assert_int_equal(json_write(value, &out), ERR_TOO_LARGE);
	buf_clear(&out);
	json_decref(value);
}

/* In a process of its own, which may have a mebibyte more than it has. It ends with 0
 * when the text was refused for want of memory. */
static void starved_read(const char *text, size_t len)
{
	struct problems p = {0};
	json_t *value = NULL;
	struct rlimit limit;
	long pages = 0;
	FILE *statm = fopen("/proc/self/statm", "re");

	if (!statm || fscanf(statm, "%ld", &pages) != 1)
		_exit(2);
	limit.rlim_cur = limit.rlim_max = (rlim_t)pages * (rlim_t)sysconf(_SC_PAGESIZE) + MEBIBYTE;
	if (setrlimit(RLIMIT_AS, &limit))
		_exit(2);
	_exit(json_read(text, len, 8, &p, &value) == ERR_NOMEM ? 0 : 1);
}

/* promises: C12 */
static void test_a_text_without_room_is_refused(void **state)
{
	char *text;
	int status = 0;
	pid_t child;

	(void)state;
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	skip(); /* their memory is not what a limit counts */
#endif
	text = malloc(2 * MEBIBYTE);
	assert_non_null(text);
	memset(text, 'x', 2 * MEBIBYTE);
	text[0] = text[2 * MEBIBYTE - 1] = '"';
	child = fork();
	if (child == 0)
		starved_read(text, 2 * MEBIBYTE);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_not_strict_json_is_refused_with_its_place),
		cmocka_unit_test(test_a_nul_is_refused_wherever_it_stands),
		cmocka_unit_test(test_depth_counts_brackets_outside_of_texts),
		cmocka_unit_test(test_values_take_no_more_memory_than_was_said),
		cmocka_unit_test(test_texts_weigh_the_same_whatever_is_in_them),
		cmocka_unit_test(test_a_fault_never_quotes_what_was_sent),
		cmocka_unit_test(test_a_table_of_fields_is_a_schema),
		cmocka_unit_test(test_all_problems_are_counted_and_some_kept),
		cmocka_unit_test(test_long_pointers_and_details_are_cut_between_characters),
		cmocka_unit_test(test_a_member_is_had_as_it_was_sent),
		cmocka_unit_test(test_written_text_is_compact),
		cmocka_unit_test(test_a_text_without_room_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
