/* A secret file is taken only when nobody else could have read or written it. */
#include "ground/secret.h"

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

static void write_file(const char *bytes, size_t len, mode_t mode)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, len, file), len);
	fclose(file);
	assert_int_equal(chmod(path, mode), 0);
}

static int make_path(void **state)
{
	int fd;

	strcpy(path, "/tmp/longhaul-secret-XXXXXX");
	fd = mkstemp(path);
	return fd < 0 ? -1 : close(fd);
}

static int drop_path(void **state)
{
	unlink(path);
	return 0;
}

static void refuse(const char *reason)
{
	struct secret secret = {NULL, 0};
	struct buf why;

	buf_init(&why, 1000);
	assert_int_equal(secret_read(path, &why, &secret), ERR_CONFIG);
	assert_non_null(strstr(why.bytes, path));
	assert_non_null(strstr(why.bytes, reason));
	assert_null(secret.bytes);
	buf_clear(&why);
	assert_int_equal(secret_read(path, NULL, &secret), ERR_CONFIG);
}

static void test_one_newline_at_the_end_is_dropped(void **state)
{
	static const char *const texts[] = {"key", "key\n", "key\r\n"};
	struct secret secret = {NULL, 0};

	for (size_t i = 0; i < 3; i++) {
		write_file(texts[i], strlen(texts[i]), 0600);
		assert_int_equal(secret_read(path, NULL, &secret), ERR_OK);
		assert_string_equal(secret.bytes, "key");
		assert_int_equal(secret.len, 3);
		secret_clear(&secret);
	}
	secret_clear(NULL);
}

static void test_files_that_others_can_touch_are_refused(void **state)
{
	static const mode_t modes[] = {0604, 0602, 0620, 0660, 0777, 0644};
	struct secret secret = {NULL, 0};

	for (size_t i = 0; i < sizeof(modes) / sizeof(*modes); i++) {
		write_file("key", 3, modes[i]);
		refuse("chmod 0600");
	}
	write_file("key", 3, 0440);
	assert_int_equal(secret_read(path, NULL, &secret), ERR_OK);
	secret_clear(&secret);
}

static void test_empty_large_missing_and_odd_files_are_refused(void **state)
{
	static char large[SECRET_SIZE_MAX + 1];

	write_file("\n", 1, 0600);
	refuse("is empty");
	write_file(large, sizeof(large), 0600);
	refuse("larger");
	unlink(path);
	refuse("No such file");
	assert_int_equal(mkfifo(path, 0600), 0);
	refuse("regular");
	unlink(path);
	assert_int_equal(mkdir(path, 0700), 0);
	refuse("regular");
	rmdir(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_one_newline_at_the_end_is_dropped, make_path, drop_path),
		cmocka_unit_test_setup_teardown(
			test_files_that_others_can_touch_are_refused, make_path, drop_path),
		cmocka_unit_test_setup_teardown(
			test_empty_large_missing_and_odd_files_are_refused, make_path, drop_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
