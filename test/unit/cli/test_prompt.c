#include "spoken.h"

#include "prompt.h"

#include <unistd.h>

static char *described(const char *const *words)
{
	struct spoken s;
	json_t *job = NULL;
	char *text;

	spoken_open(&s, words);
	assert_int_equal(s.outcome, OUTCOME_OK);
	assert_int_equal(prompt_job(&s.call, "default-model", &job), OUTCOME_OK);
	text = json_dumps(job, JSON_COMPACT | JSON_SORT_KEYS);
	json_decref(job);
	spoken_close(&s);
	return text;
}

static void becomes(const char *expected, const char *const *words)
{
	char *text = described(words);

	assert_string_equal(text, expected);
	free(text);
}

#define BECOMES(expected, ...) becomes((expected), (const char *const[]){__VA_ARGS__, NULL})

static void test_words_are_a_chat(void **state)
{
	BECOMES("{\"input\":{\"messages\":[{\"content\":\"tell me\",\"role\":\"user\"}],"
		"\"model\":\"default-model\"},\"kind\":\"chat\"}",
		"submit", "tell", "me");
	BECOMES("{\"input\":{\"messages\":[{\"content\":\"be kind\",\"role\":\"system\"},"
		"{\"content\":\"x\",\"role\":\"user\"}],\"model\":\"m\"},\"kind\":\"chat\"}",
		"submit", "--kind", "chat", "-m", "m", "-s", "be kind", "x");
}

static void test_every_kind_gets_its_own_form(void **state)
{
	BECOMES("{\"input\":{\"input\":\"x\",\"instructions\":\"s\",\"model\":\"m\"},"
		"\"kind\":\"response\"}",
		"submit", "--kind", "response", "-m", "m", "-s", "s", "x");
	BECOMES("{\"input\":{\"input\":\"x\",\"model\":\"m\"},\"kind\":\"embedding\"}", "submit",
		"--kind", "embedding", "-m", "m", "x");
	BECOMES("{\"input\":{\"max_tokens\":4096,\"messages\":[{\"content\":\"x\",\"role\":"
		"\"user\"}"
		"],\"model\":\"m\"},\"kind\":\"message\"}",
		"submit", "--kind", "message", "-m", "m", "x");
	BECOMES("{\"input\":{},\"kind\":\"noop\"}", "submit", "--kind", "noop");
}

static void test_options_become_members(void **state)
{
	BECOMES("{\"attempt_timeout_s\":60,\"callback\":{\"url\":\"https://e.example/h\"},"
		"\"deadline_s\":600,\"fallback\":[{\"model\":\"a\"},{\"model\":\"b\"}],\"input\":{},\"kind\":\"noop\",\"max_attempts\":2,"
		"\"metadata\":{\"a\":\"1=2\",\"b\":\"\"},\"priority\":0,\"queue\":\"q\","
		"\"run_at\":\"2030-01-31T11:00:00.000Z\",\"store\":false,\"subject\":\"u\"}",
		"submit", "--kind", "noop", "--fallback", "a", "--fallback", "b", "-q", "q",
		"--priority", "0", "--deadline", "10m", "--attempt-timeout", "1m", "--max-attempts",
		"2", "--metadata", "a=1=2", "--metadata", "b=", "--subject", "u", "--no-store",
		"--callback", "https://e.example/h", "--run-at", "2030-01-31T12:00:00+01:00");
}

static void refused(const char *model, const char *sentence, const char *const *words)
{
	struct spoken s;
	json_t *job = NULL;

	spoken_open(&s, words);
	assert_int_equal(s.outcome, OUTCOME_OK);
	assert_int_equal(prompt_job(&s.call, model, &job), OUTCOME_USAGE);
	assert_null(job);
	spoken_flush(&s);
	if (!spoken_has(s.err, sentence))
		fail_msg("expected \"%s\" in \"%s\"", sentence, s.err);
	spoken_close(&s);
}

#define REFUSED(model, sentence, ...) \
	refused((model), (sentence), (const char *const[]){__VA_ARGS__, NULL})

static void test_what_cannot_be_a_job_is_said(void **state)
{
	REFUSED("", "name a model", "submit", "x");
	REFUSED("m", "give a prompt", "submit");
	REFUSED("m", "not UTF-8", "submit", "\xff\xfe");
	REFUSED("m", "wants --input", "submit", "--kind", "noop", "x");
	REFUSED("m", "--run-at takes a time", "submit", "x", "--run-at", "soon");
	REFUSED("m", "cannot read /nonexistent/file", "submit", "--file", "/nonexistent/file");
}

static char path[] = "/tmp/longhaul-prompt-XXXXXX";

static int write_file(void **state)
{
	int fd = mkstemp(path);

	return fd < 0 || write(fd, "{\"a\":1}", 7) != 7 || close(fd) != 0;
}

static int remove_file(void **state)
{
	return unlink(path);
}

static void test_files_follow_the_words_or_are_the_input(void **state)
{
	BECOMES("{\"input\":{\"messages\":[{\"content\":\"sum up:\\n\\n{\\\"a\\\":1}\",\"role\":"
		"\"user\"}],\"model\":\"default-model\"},\"kind\":\"chat\"}",
		"submit", "sum", "up:", "--file", path);
	BECOMES("{\"input\":{\"a\":1},\"kind\":\"embedding\"}", "submit", "--kind", "embedding",
		"--input", path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_are_a_chat),
		cmocka_unit_test(test_every_kind_gets_its_own_form),
		cmocka_unit_test(test_options_become_members),
		cmocka_unit_test(test_what_cannot_be_a_job_is_said),
		cmocka_unit_test(test_files_follow_the_words_or_are_the_input),
	};

	return cmocka_run_group_tests(tests, write_file, remove_file);
}
