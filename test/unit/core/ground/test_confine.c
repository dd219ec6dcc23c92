/* Each case is a child: what a process gave up it does not get back. */
#include "ground/confine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char inside[] = "/tmp/longhaul-confine-in-XXXXXX",
	    outside[] = "/tmp/longhaul-confine-out-XXXXXX";

static int make_folders(void **state)
{
	return mkdtemp(inside) && mkdtemp(outside) ? 0 : -1;
}

static int drop_folders(void **state)
{
	return rmdir(inside) + rmdir(outside);
}

/* 0, or the errno of making a file there and removing it. */
static int file_make(const char *folder)
{
	char path[64];
	int fd;

	snprintf(path, sizeof path, "%s/file", folder);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd < 0)
		return errno;
	(void)close(fd);
	return unlink(path) == 0 ? 0 : errno;
}

static int run_true(void)
{
	(void)execl("/bin/true", "true", (char *)NULL);
	return errno;
}

/* What the child's step answers once it is confined to `inside`; -1 when it could not be. */
static int confined(int (*step)(void))
{
	const char *const folders[] = {inside, NULL, ""};
	const pid_t child = fork();
	int status = 0;

	if (child == 0) {
		const enum err e = confine(folders, 3);

		_exit(e == ERR_OK ? step() : e == ERR_UNAVAILABLE ? 254 : 255);
	}
	assert_true(child > 0);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 254)
		skip();
	return WEXITSTATUS(status);
}

static int write_inside(void)
{
	return file_make(inside);
}

static int write_outside(void)
{
	return file_make(outside);
}

static int read_outside(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 ? errno : 0;
}

static int privileges(void)
{
	return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
}

static void test_files_are_written_in_the_folders_only(void **state)
{
	assert_int_equal(confined(write_inside), 0);
	assert_int_equal(confined(write_outside), EACCES);
	assert_int_equal(file_make(outside), 0);
}

static void test_all_may_be_read(void **state)
{
	assert_int_equal(confined(read_outside), 0);
}

static void test_no_program_is_run(void **state)
{
	assert_int_equal(confined(run_true), EACCES);
}

static void test_no_privilege_is_gained(void **state)
{
	assert_int_equal(confined(privileges), 1);
}

static void test_a_folder_that_is_missing_is_said(void **state)
{
	const char *const folders[] = {"/nowhere/longhaul"};
	const pid_t child = fork();
	int status = 0;

	if (child == 0) {
		const enum err e = confine(folders, 1);

		_exit(e == ERR_UNAVAILABLE || (e == ERR_SYSTEM && errno == ENOENT) ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_files_are_written_in_the_folders_only),
		cmocka_unit_test(test_all_may_be_read),
		cmocka_unit_test(test_no_program_is_run),
		cmocka_unit_test(test_no_privilege_is_gained),
		cmocka_unit_test(test_a_folder_that_is_missing_is_said),
	};

	return cmocka_run_group_tests(tests, make_folders, drop_folders);
}
