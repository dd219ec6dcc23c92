/* Keys come from files that nobody else may touch; they are made once and destroyed for good. */
#include "ports/key_files.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

struct world {
	char dir[64];
	struct keyring *ring;
	struct buf why;
};

static void world_open(struct world *w)
{
	strcpy(w->dir, "/tmp/keys-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	assert_int_equal(keyring_new(&w->ring), ERR_OK);
	buf_init(&w->why, 4096);
}

static void world_close(struct world *w)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf '%s'", w->dir);
	assert_int_equal(system(command), 0);
	keyring_free(w->ring);
	buf_clear(&w->why);
}

static const char *path_of(const struct world *w, const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "%s/%s", w->dir, name);
	return path;
}

static void file_put(const struct world *w, const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(path_of(w, name), "w");

	assert_non_null(file);
	fputs(text, file);
	fclose(file);
	assert_int_equal(chmod(path_of(w, name), mode), 0);
}

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static void test_a_key_is_made_once_and_loaded(void **state)
{
	uint8_t mark[KEYRING_MARK], again[KEYRING_MARK];
	struct world w;
	size_t n = 0;

	world_open(&w);
	assert_int_equal(key_files_make(w.dir, 3, &w.why), ERR_OK);
	assert_int_equal(key_files_make(w.dir, 3, &w.why), ERR_CONFLICT);
	assert_int_equal(key_files_load(w.dir, w.ring, &n, &w.why), ERR_OK);
	assert_int_equal(n, 1);
	assert_true(keyring_mark(w.ring, 3, mark));
	assert_int_equal(key_files_load(w.dir, w.ring, &n, &w.why), ERR_OK);
	assert_true(keyring_mark(w.ring, 3, again));
	assert_memory_equal(mark, again, sizeof(mark));
	world_close(&w);
}

static void test_a_later_key_is_found_and_other_files_are_not_keys(void **state)
{
	struct world w;
	size_t n = 0;

	world_open(&w);
	file_put(&w, "epoch-1.key", HEX "\n", 0600);
	file_put(&w, "epoch-0.key", HEX, 0600);
	file_put(&w, "epoch-x.key", HEX, 0600);
	file_put(&w, "epoch-2.key.new", HEX, 0644);
	assert_int_equal(key_files_load(w.dir, w.ring, &n, &w.why), ERR_OK);
	assert_int_equal(n, 1);
	file_put(&w, "epoch-12.key", HEX, 0400);
	assert_int_equal(key_files_load(w.dir, w.ring, &n, &w.why), ERR_OK);
	assert_int_equal(n, 2);
	assert_true(keyring_has(w.ring, 12));
	world_close(&w);
}

static void refused(const struct world *w, const char *words)
{
	struct buf why;

	buf_init(&why, 4096);
	assert_int_equal(key_files_load(w->dir, w->ring, NULL, &why), ERR_CONFIG);
	assert_non_null(strstr(why.bytes, words));
	assert_false(keyring_has(w->ring, 1));
	buf_clear(&why);
}

static void test_what_others_may_read_is_refused(void **state)
{
	struct world w;

	world_open(&w);
	file_put(&w, "epoch-1.key", HEX, 0640);
	refused(&w, "chmod 0600");
	assert_int_equal(chmod(path_of(&w, "epoch-1.key"), 0600), 0);
	assert_int_equal(chmod(w.dir, 0750), 0);
	refused(&w, "chmod 0700");
	assert_int_equal(chmod(w.dir, 0700), 0);
	assert_int_equal(rename(path_of(&w, "epoch-1.key"), "/tmp/keys-elsewhere"), 0);
	assert_int_equal(symlink("/tmp/keys-elsewhere", path_of(&w, "epoch-1.key")), 0);
	refused(&w, "no regular file");
	assert_int_equal(unlink("/tmp/keys-elsewhere"), 0);
	world_close(&w);
}

static void test_what_is_no_key_is_refused(void **state)
{
	static const char *const texts[] = {"", "abc\n", HEX "0", "x" HEX};
	struct world w;

	world_open(&w);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		file_put(&w, "epoch-1.key", texts[i], 0600);
		refused(&w, i == 0 ? "is empty" : "64 hexadecimal digits");
	}
	world_close(&w);
	strcpy(w.dir, "/tmp/keys-nowhere");
	assert_int_equal(keyring_new(&w.ring), ERR_OK);
	refused(&w, "No such file");
	keyring_free(w.ring);
}

#define NOBODY 65534

static void test_what_root_makes_is_the_directory_owners(void **state)
{
	struct world w;
	struct stat st;

	if (geteuid() != 0)
		skip();
	world_open(&w);
	assert_int_equal(chown(w.dir, NOBODY, NOBODY), 0);
	assert_int_equal(key_files_make(w.dir, 1, &w.why), ERR_OK);
	assert_int_equal(stat(path_of(&w, "epoch-1.key"), &st), 0);
	assert_int_equal(st.st_uid, NOBODY);
	assert_int_equal(st.st_gid, NOBODY);
	assert_int_equal(st.st_mode & 07777, 0600);
	world_close(&w);
}

static void test_a_key_that_is_closed_to_us_is_passed_over_and_told(void **state)
{
	struct world w;
	size_t n = 0;
	enum err e;

	if (geteuid() != 0)
		skip();
	world_open(&w);
	assert_int_equal(chown(w.dir, NOBODY, NOBODY), 0);
	assert_int_equal(key_files_make(w.dir, 1, &w.why), ERR_OK);
	file_put(&w, "epoch-2.key", HEX, 0600);
	assert_int_equal(seteuid(NOBODY), 0);
	e = key_files_load(w.dir, w.ring, &n, &w.why);
	assert_int_equal(seteuid(0), 0);
	assert_int_equal(e, ERR_OK);
	assert_int_equal(n, 1);
	assert_true(keyring_has(w.ring, 1));
	assert_false(keyring_has(w.ring, 2));
	assert_non_null(strstr(w.why.bytes, "epoch-2.key belongs to user 0"));
	world_close(&w);
}

static void test_what_does_not_lie_there_any_more_is_told_from_what_does(void **state)
{
	struct world w;

	world_open(&w);
	file_put(&w, "epoch-1.key", HEX, 0600);
	assert_int_equal(key_files_make(w.dir, 2, &w.why), ERR_OK);
	assert_int_equal(key_files_load(w.dir, w.ring, NULL, &w.why), ERR_OK);
	assert_true(keyring_lies(w.ring, 1) && keyring_lies(w.ring, 2));
	assert_int_equal(unlink(path_of(&w, "epoch-1.key")), 0);
	assert_int_equal(key_files_load(w.dir, w.ring, NULL, &w.why), ERR_OK);
	assert_true(keyring_has(w.ring, 1) && !keyring_lies(w.ring, 1) && keyring_lies(w.ring, 2));
	file_put(&w, "epoch-1.key", HEX, 0600);
	assert_int_equal(key_files_load(w.dir, w.ring, NULL, &w.why), ERR_OK);
	assert_true(keyring_lies(w.ring, 1));
	assert_int_equal(key_files_load("/tmp/keys-nowhere", w.ring, NULL, &w.why), ERR_CONFIG);
	assert_non_null(strstr(w.why.bytes, "cannot be used: No such file"));
	assert_true(keyring_has(w.ring, 2) && !keyring_lies(w.ring, 2));
	world_close(&w);
}

static void test_a_destroyed_key_is_gone(void **state)
{
	struct world w;

	world_open(&w);
	assert_int_equal(key_files_make(w.dir, 1, &w.why), ERR_OK);
	assert_int_equal(key_files_destroy(w.dir, 1, &w.why), ERR_OK);
	assert_int_not_equal(access(path_of(&w, "epoch-1.key"), F_OK), 0);
	assert_int_equal(key_files_destroy(w.dir, 1, &w.why), ERR_OK);
	world_close(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_key_is_made_once_and_loaded),
		cmocka_unit_test(test_a_later_key_is_found_and_other_files_are_not_keys),
		cmocka_unit_test(test_what_others_may_read_is_refused),
		cmocka_unit_test(test_what_is_no_key_is_refused),
		cmocka_unit_test(test_what_root_makes_is_the_directory_owners),
		cmocka_unit_test(test_a_key_that_is_closed_to_us_is_passed_over_and_told),
		cmocka_unit_test(test_what_does_not_lie_there_any_more_is_told_from_what_does),
		cmocka_unit_test(test_a_destroyed_key_is_gone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
