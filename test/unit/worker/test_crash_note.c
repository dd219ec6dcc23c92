/* After a kill in a job's step the next incarnation reads which job it was; after one between
 * steps it reads that none was. */
#include "crash_note.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static char folder[] = "/tmp/crash-note-XXXXXX";

static struct id id_of(uint8_t byte)
{
	struct id id;

	memset(id.bytes, byte, sizeof(id.bytes));
	return id;
}

/* A process that opens the note, does what it does, and dies by SIGKILL. */
static void die_after(bool in_step)
{
	const pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct crash_note_file note;

		if (crash_note_open(&note, folder) != ERR_OK)
			_exit(1);
		crash_note_incarnation(&note, id_of(1));
		crash_note_enter(&note, id_of(2), id_of(3), 44);
		if (!in_step)
			crash_note_leave(&note);
		raise(SIGKILL);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
}

static int make_folder(void **state)
{
	return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/crash-note", folder);
	unlink(path);
	snprintf(path, sizeof(path), "%s/crash-note.1", folder);
	unlink(path);
	return rmdir(folder);
}

/* promises: C7 */
static void test_a_kill_in_a_step_names_the_job(void **state)
{
	struct crash_note_file note;

	die_after(true);
	assert_int_equal(crash_note_open(&note, folder), ERR_OK);
	assert_int_equal(note.found.busy, 1);
	assert_true(id_equal(note.found.worker, id_of(1)));
	assert_true(id_equal(note.found.tenant, id_of(2)));
	assert_true(id_equal(note.found.job, id_of(3)));
	assert_int_equal(note.found.fence, 44);
	crash_note_close(&note);
	assert_int_equal(crash_note_open(&note, folder), ERR_OK);
	assert_int_equal(note.found.busy, 0);
	crash_note_close(&note);
}

/* promises: C7 */
static void test_a_kill_between_steps_names_none(void **state)
{
	struct crash_note_file note;

	die_after(false);
	assert_int_equal(crash_note_open(&note, folder), ERR_OK);
	assert_int_equal(note.found.busy, 0);
	crash_note_close(&note);
}

/* promises: C7, C15 */
static void test_processes_that_share_a_folder_have_a_note_each(void **state)
{
	struct crash_note_file one, other;

	assert_int_equal(crash_note_open(&one, folder), ERR_OK);
	crash_note_enter(&one, id_of(2), id_of(3), 44);
	assert_int_equal(crash_note_open(&other, folder), ERR_OK);
	assert_int_equal(other.found.busy, 0);
	crash_note_enter(&other, id_of(2), id_of(5), 45);
	assert_true(id_equal(one.page->job, id_of(3)));
	crash_note_leave(&other);
	crash_note_close(&other);
	crash_note_close(&one);
	assert_int_equal(crash_note_open(&one, folder), ERR_OK);
	assert_int_equal(one.found.busy, 1);
	assert_true(id_equal(one.found.job, id_of(3)));
	crash_note_close(&one);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_kill_in_a_step_names_the_job),
		cmocka_unit_test(test_a_kill_between_steps_names_none),
		cmocka_unit_test(test_processes_that_share_a_folder_have_a_note_each),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
