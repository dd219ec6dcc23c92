/* The committed pages are what the table says. make docs writes them. */
#include "config/config.h"
#include "config/print.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

static void compare(const char *path, enum err (*print)(struct buf *))
{
	char *found = calloc(1, 1 << 20);
	FILE *file = fopen(path, "r");
	struct buf expected;

	buf_init(&expected, 1 << 20);
	assert_int_equal(print(&expected), ERR_OK);
	assert_non_null(file);
	assert_non_null(found);
	assert_true(fread(found, 1, (1 << 20) - 1, file) > 0);
	fclose(file);
	if (strcmp(found, expected.bytes) != 0)
		print_message("%s is not what core/config/rows*.h say: make docs\n", path);
	assert_true(strcmp(found, expected.bytes) == 0);
	free(found);
	buf_clear(&expected);
}

static void test_the_reference_page_is_true(void **state)
{
	compare("docs/configuration.md", config_print_reference);
}

static void test_the_sample_file_is_true_and_loads(void **state)
{
	struct config *config = NULL;
	struct buf faults;

	compare("docs/longhaul.sample.yaml", config_print_sample);
	buf_init(&faults, 1 << 16);
	assert_int_equal(config_load("docs/longhaul.sample.yaml", &faults, &config), ERR_OK);
	buf_clear(&faults);
	config_release(config);
}

static void test_help_names_what_a_program_reads_and_nothing_else(void **state)
{
	struct buf text;

	buf_init(&text, 1 << 20);
	assert_int_equal(config_print_help("scheduler", &text), ERR_OK);
	assert_non_null(strstr(text.bytes, "scheduler.tick_ms"));
	assert_non_null(strstr(text.bytes, "database.url"));
	assert_null(strstr(text.bytes, "worker.slots"));
	buf_clear(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_reference_page_is_true),
		cmocka_unit_test(test_the_sample_file_is_true_and_loads),
		cmocka_unit_test(test_help_names_what_a_program_reads_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
