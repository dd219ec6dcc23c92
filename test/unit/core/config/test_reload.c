/* A reload changes all that it may or nothing, and says what. */
#include "config/reload.h"
#include "config/start.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

static char path[64];

static void write_config(const char *text)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
}

static struct config *load(const char *text)
{
	struct config *config = NULL;
	struct buf faults;

	write_config(text);
	buf_init(&faults, 10000);
	assert_int_equal(config_load(path, &faults, &config), ERR_OK);
	buf_clear(&faults);
	return config;
}

static int make_path(void **state)
{
	strcpy(path, "/tmp/longhaul-config-XXXXXX");
	return close(mkstemp(path));
}

static int drop_path(void **state)
{
	return unlink(path);
}

#define UPSTREAM(name, url) "- {name: " name ", base_url: 'http://" url "', models: ['*']}\n"

static void reload(const char *before, const char *after, enum err outcome, const char *changed,
	const char *refused)
{
	struct config *old = load(before);
	struct config *fresh = NULL;
	struct buf faults, changes;

	buf_init(&faults, 10000);
	buf_init(&changes, 10000);
	write_config(after);
	assert_int_equal(config_reload(old, path, &faults, &changes, &fresh), outcome);
	assert_int_equal(fresh != NULL, outcome == ERR_OK);
	if (changed != NULL)
		assert_string_equal(changes.bytes != NULL ? changes.bytes : "", changed);
	if (refused != NULL)
		assert_non_null(strstr(faults.bytes, refused));
	config_release(old);
	config_release(fresh);
	buf_clear(&faults);
	buf_clear(&changes);
}

#define LEAST "database: {url: dbname=x}\n"

static void test_live_rows_change_and_are_told(void **state)
{
	reload(LEAST, LEAST "worker: {slots: 7, drain_s: 30}\nlog: {level: debug}\n", ERR_OK,
		"log.level: \"info\" -> \"debug\"\nworker.slots: 1000 -> 7\n", NULL);
	reload(LEAST, LEAST, ERR_OK, "", NULL);
}

static void test_one_fixed_row_refuses_the_whole_file(void **state)
{
	reload(LEAST, "database: {url: dbname=y}\nworker: {slots: 7}\n", ERR_CONFIG, NULL,
		": database.url: \"dbname=x\" -> \"dbname=y\" needs a restart\n");
}

static void test_a_file_with_a_mistake_changes_nothing(void **state)
{
	reload(LEAST, LEAST "worker: {slots: 0}\n", ERR_CONFIG, "", "worker.slots: expected");
}

static void test_upstreams_come_go_and_change_by_name(void **state)
{
	reload(LEAST "upstreams:\n" UPSTREAM("a", "h1") UPSTREAM("b", "h2"),
		LEAST "upstreams:\n" UPSTREAM("c", "h3") UPSTREAM("a", "h4"), ERR_OK,
		"upstreams.c: added\n"
		"upstreams.a.base_url: \"http://h1\" -> \"http://h4\"\n"
		"upstreams.b: removed\n",
		NULL);
}

static void test_a_program_keeps_the_old_one_when_the_new_is_refused(void **state)
{
	struct config *config = load(LEAST);
	struct config *old = config;
	int saved = dup(STDERR_FILENO);

	assert_non_null(freopen("/dev/null", "w", stderr));
	write_config(LEAST "nonsense: 1\n");
	assert_false(start_reload("worker", path, &config));
	assert_ptr_equal(config, old);
	write_config(LEAST "worker: {slots: 7}\n");
	assert_true(start_reload("worker", path, &config));
	assert_int_equal(config->worker.slots, 7);
	dup2(saved, STDERR_FILENO);
	close(saved);
	config_release(config);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live_rows_change_and_are_told),
		cmocka_unit_test(test_one_fixed_row_refuses_the_whole_file),
		cmocka_unit_test(test_a_file_with_a_mistake_changes_nothing),
		cmocka_unit_test(test_upstreams_come_go_and_change_by_name),
		cmocka_unit_test(test_a_program_keeps_the_old_one_when_the_new_is_refused),
	};

	return cmocka_run_group_tests(tests, make_path, drop_path);
}
