#include "spoken.h"

static void refused(const char *sentence, const char *const *words)
{
	struct spoken s;

	spoken_open(&s, words);
	assert_int_equal(s.outcome, OUTCOME_USAGE);
	if (!spoken_has(s.err, sentence))
		fail_msg("expected \"%s\" in \"%s\"", sentence, s.err);
	spoken_close(&s);
}

#define REFUSED(sentence, ...) refused((sentence), (const char *const[]){__VA_ARGS__, NULL})

static void test_options_stand_anywhere_in_any_form(void **state)
{
	struct spoken s;

	SPOKEN(&s, "submit", "tell", "-qfast", "--model=m", "me", "--priority", "3", "-wj");
	assert_int_equal(s.outcome, OUTCOME_OK);
	assert_string_equal(s.call.command->verb, "submit");
	assert_int_equal(s.call.n, 2);
	assert_string_equal(s.call.arguments[0], "tell");
	assert_string_equal(s.call.arguments[1], "me");
	assert_null(s.call.arguments[2]);
	assert_string_equal(call_text(&s.call, "queue"), "fast");
	assert_string_equal(call_text(&s.call, "model"), "m");
	assert_int_equal(call_number(&s.call, "priority", 5), 3);
	assert_true(call_flag(&s.call, "wait"));
	assert_true(call_flag(&s.call, "json"));
	assert_false(call_flag(&s.call, "watch"));
	spoken_close(&s);
}

static void test_two_dashes_end_the_options_and_one_is_an_argument(void **state)
{
	struct spoken s;

	SPOKEN(&s, "submit", "-", "--", "--model", "-x");
	assert_int_equal(s.outcome, OUTCOME_OK);
	assert_int_equal(s.call.n, 3);
	assert_string_equal(s.call.arguments[0], "-");
	assert_string_equal(s.call.arguments[1], "--model");
	assert_null(call_text(&s.call, "model"));
	spoken_close(&s);
}

static void test_shared_options_may_stand_before_the_command(void **state)
{
	struct spoken s;

	SPOKEN(&s, "--profile", "p", "-j", "queue", "pause", "a");
	assert_int_equal(s.outcome, OUTCOME_OK);
	assert_string_equal(s.call.command->verb, "pause");
	assert_string_equal(call_text(&s.call, "profile"), "p");
	assert_true(call_flag(&s.call, "json"));
	assert_int_equal(s.call.n, 1);
	assert_string_equal(s.call.arguments[0], "a");
	spoken_close(&s);
	SPOKEN(&s, "--profile=p", "list");
	assert_string_equal(call_text(&s.call, "profile"), "p");
	spoken_close(&s);
}

static void test_job_is_the_default_noun(void **state)
{
	struct spoken s;

	SPOKEN(&s, "job", "cancel", "job_x");
	assert_string_equal(s.call.command->verb, "cancel");
	assert_int_equal(s.call.n, 1);
	spoken_close(&s);
	SPOKEN(&s, "queue", "list");
	assert_string_equal(s.call.command->noun, "queue");
	spoken_close(&s);
}

static void test_repeated_options_are_kept_in_order(void **state)
{
	struct spoken s;
	size_t i = 0;

	SPOKEN(&s, "submit", "x", "--metadata", "a=1", "--metadata", "b=2");
	assert_string_equal(call_next(&s.call, "metadata", &i), "a=1");
	assert_string_equal(call_next(&s.call, "metadata", &i), "b=2");
	assert_null(call_next(&s.call, "metadata", &i));
	spoken_close(&s);
}

static void test_slips_are_met_with_the_nearest_word(void **state)
{
	REFUSED("did you mean \"submit\"", "sumbit");
	REFUSED("did you mean \"queue pause\"", "queue", "puase");
	REFUSED("did you mean --priority", "submit", "--pirority", "3");
	REFUSED("\"frobnicate\" is not a command", "frobnicate");
	REFUSED("\"--frobnicate\" is not a command", "--frobnicate", "list");
}

static void test_values_are_checked_against_their_row(void **state)
{
	REFUSED("from 0 to 9", "submit", "x", "--priority", "10");
	REFUSED("from 0 to 9", "submit", "x", "--priority", "-1");
	REFUSED("from 0 to 9", "submit", "x", "--priority", "3x");
	REFUSED("from 0 to 9", "submit", "x", "--priority", "99999999999999999999");
	REFUSED("like 90, 90s, 10m or 2h", "submit", "x", "--deadline", "5y");
	REFUSED("is of queued|", "list", "--state", "queued,runing");
	REFUSED("is one of chat|", "list", "--kind", "query");
	REFUSED("KEY=VALUE", "submit", "x", "--metadata", "=v");
	REFUSED("must not be empty", "submit", "x", "--queue", "");
	REFUSED("--queue is not UTF-8", "submit", "x", "--queue", "\xff");
	REFUSED("--metadata is not UTF-8", "submit", "x", "--metadata", "a=\xff");
	REFUSED("was given twice", "submit", "x", "-q", "a", "--queue", "b");
	REFUSED("takes no value", "submit", "x", "--wait=1");
	REFUSED("--queue needs NAME", "submit", "x", "--queue");
}

static void test_arguments_are_counted(void **state)
{
	REFUSED("JOB... is missing", "get");
	REFUSED("one argument too many", "watch", "a", "b");
	REFUSED("one argument too many", "version", "b");
}

static void test_help_needs_no_arguments(void **state)
{
	struct spoken s;

	SPOKEN(&s, "watch", "--help");
	assert_int_equal(s.outcome, OUTCOME_OK);
	assert_true(call_flag(&s.call, "help"));
	spoken_close(&s);
	SPOKEN(&s, "queue", "-h");
	assert_int_equal(s.outcome, OUTCOME_OK);
	assert_null(s.call.command);
	spoken_close(&s);
}

static void test_too_many_options_are_refused(void **state)
{
	const char *words[2 + 2 * CALL_VALUES_MAX + 3] = {"submit", "x"};
	struct call call = {.out = stdout, .err = fopen("/dev/null", "w")};
	size_t n = 2;

	for (int i = 0; i <= CALL_VALUES_MAX; i++) {
		words[n++] = "--metadata";
		words[n++] = "a=b";
	}
	assert_int_equal(arguments_parse(&call, words, n), OUTCOME_USAGE);
	fclose(call.err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_options_stand_anywhere_in_any_form),
		cmocka_unit_test(test_two_dashes_end_the_options_and_one_is_an_argument),
		cmocka_unit_test(test_shared_options_may_stand_before_the_command),
		cmocka_unit_test(test_job_is_the_default_noun),
		cmocka_unit_test(test_repeated_options_are_kept_in_order),
		cmocka_unit_test(test_slips_are_met_with_the_nearest_word),
		cmocka_unit_test(test_values_are_checked_against_their_row),
		cmocka_unit_test(test_arguments_are_counted),
		cmocka_unit_test(test_help_needs_no_arguments),
		cmocka_unit_test(test_too_many_options_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
