/* The table itself: what every row must be, whoever adds one. */
#include "spoken.h"

#include "usage.h"

static void test_every_row_is_whole(void **state)
{
	for (const struct command *c = command_table; c->verb; c++) {
		assert_non_null(c->run);
		assert_non_null(c->options);
		assert_non_null(c->arguments);
		assert_true(c->line[0] >= 'a' && c->line[0] <= 'z');
		assert_ptr_equal(command_find(c->noun, c->verb), c);
		assert_true(c->most == COMMAND_ANY || c->least <= c->most);
	}
}

static void check_option(const struct command *c, const struct option *o)
{
	assert_ptr_equal(command_option(c, o->name, strlen(o->name)), o);
	assert_non_null(o->help);
	assert_true((o->kind == OPTION_FLAG) == (o->value == NULL));
	if (o->kind == OPTION_NUMBER || o->kind == OPTION_DURATION)
		assert_true(o->min < o->max);
	/* A key on a command line stands in every process listing. */
	if (strcmp(o->name, "key-file") != 0 && strcmp(o->name, "idempotency-key") != 0)
		assert_null(strstr(o->name, "key"));
}

static void test_every_option_is_whole_and_none_takes_a_key(void **state)
{
	for (const struct command *c = command_table; c->verb; c++) {
		for (const struct option *o = c->options; o->name; o++)
			check_option(c, o);
		assert_non_null(command_option(c, "json", 4));
		assert_non_null(command_option(c, "profile", 7));
	}
}

static int letters(const struct option *o, char letter)
{
	int n = 0;

	for (; o->name; o++)
		n += o->letter == letter;
	return n;
}

static void test_letters_mean_one_thing(void **state)
{
	for (const struct command *c = command_table; c->verb; c++)
		for (const struct option *o = c->options; o->name; o++)
			if (o->letter)
				assert_int_equal(letters(c->options, o->letter) +
							 letters(command_shared, o->letter),
					1);
}

static void test_exit_codes_are_the_documented_ones(void **state)
{
	int code = 0;

	for (const struct outcome_row *row = outcome_rows; row->text; row++)
		assert_int_equal(row->code, code++);
	assert_int_equal(code, 8);
	assert_int_equal(outcome_from_status(404), OUTCOME_NOT_FOUND);
	assert_int_equal(outcome_from_status(401), OUTCOME_REFUSED);
	assert_int_equal(outcome_from_status(403), OUTCOME_REFUSED);
	assert_int_equal(outcome_from_status(409), OUTCOME_CONFLICT);
	assert_int_equal(outcome_from_status(422), OUTCOME_FAILED);
	assert_int_equal(outcome_from_status(429), OUTCOME_UNAVAILABLE);
	assert_int_equal(outcome_from_status(503), OUTCOME_UNAVAILABLE);
}

static void test_usage_and_reference_name_every_command(void **state)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	usage_all(out, NULL);
	usage_markdown(out);
	fflush(out);
	for (const struct command *c = command_table; c->verb; c++) {
		char head[64];

		snprintf(head, sizeof(head), "### longhaul %s%s%s", c->noun ? c->noun : "",
			c->noun ? " " : "", c->verb);
		assert_true(spoken_has(text, head));
		assert_true(spoken_has(text, c->line + 1));
	}
	fclose(out);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_row_is_whole),
		cmocka_unit_test(test_every_option_is_whole_and_none_takes_a_key),
		cmocka_unit_test(test_letters_mean_one_thing),
		cmocka_unit_test(test_exit_codes_are_the_documented_ones),
		cmocka_unit_test(test_usage_and_reference_name_every_command),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
