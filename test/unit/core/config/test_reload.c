/* A reload changes all that it may or nothing, and says what. */
#include "config/key_marks.h"
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
#include <sys/stat.h>
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

/* What a reload writes to the log. */
static void reload_logged(struct config **config, char *said, size_t room)
{
	int saved = dup(STDERR_FILENO);
	FILE *log = tmpfile();
	size_t n;

	assert_non_null(log);
	dup2(fileno(log), STDERR_FILENO);
	assert_true(start_reload("worker", path, config));
	dup2(saved, STDERR_FILENO);
	close(saved);
	rewind(log);
	n = fread(said, 1, room - 1, log);
	said[n] = '\0';
	fclose(log);
}

static void write_key(const char *file, const char *key)
{
	FILE *to = fopen(file, "w");

	assert_non_null(to);
	fputs(key, to);
	fclose(to);
	assert_int_equal(chmod(file, 0600), 0);
}

static void test_another_key_in_the_same_file_is_a_change(void **state)
{
	char one[80], two[80], text[1000], said[8192];
	struct config *config;

	snprintf(one, sizeof(one), "%s.one", path);
	snprintf(two, sizeof(two), "%s.two", path);
	write_key(one, "secret-1");
	write_key(two, "secret-2");
	snprintf(text, sizeof(text),
		LEAST "upstreams:\n" UPSTREAM("a", "h") "- {name: b, base_url: 'http://h', "
							"models: ['*'], api_key_file: %s}\n"
							"upstream_keys:\n"
							"- {upstream: a, label: l, file: %s}\n",
		one, two);
	config = load(text);
	assert_int_equal(key_marks_read(config, NULL), ERR_OK);
	reload_logged(&config, said, sizeof(said));
	assert_non_null(strstr(said, "nothing changed"));
	write_key(one, "secret-3");
	write_key(two, "secret-4");
	reload_logged(&config, said, sizeof(said));
	assert_non_null(strstr(said, "upstreams.b.api_key_file: the file holds another key"));
	assert_non_null(
		strstr(said, "upstream_keys[0].file: the file of key l of a holds another"));
	assert_non_null(strstr(said, "changes are taken"));
	assert_null(strstr(said, "secret-"));
	reload_logged(&config, said, sizeof(said));
	assert_non_null(strstr(said, "nothing changed"));
	config_release(config);
	unlink(one);
	unlink(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_live_rows_change_and_are_told),
		cmocka_unit_test(test_one_fixed_row_refuses_the_whole_file),
		cmocka_unit_test(test_a_file_with_a_mistake_changes_nothing),
		cmocka_unit_test(test_upstreams_come_go_and_change_by_name),
		cmocka_unit_test(test_a_program_keeps_the_old_one_when_the_new_is_refused),
		cmocka_unit_test(test_another_key_in_the_same_file_is_a_change),
	};

	return cmocka_run_group_tests(tests, make_path, drop_path);
}
