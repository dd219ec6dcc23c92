/* States, reasons and kinds are words in one table each; a job moves along edges only. */
#include "domain/job.h"
#include "domain/kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_words_come_back_as_they_went(void **state)
{
	for (int s = 0; s < JOB_STATES; s++)
		assert_int_equal(job_state_from_text(job_state_text((enum job_state)s)), s);
	for (int w = 0; w < JOB_WAITS; w++)
		assert_int_equal(job_wait_from_text(job_wait_text((enum job_wait)w)), w);
	assert_int_equal(job_state_from_text("done"), JOB_STATES);
	assert_int_equal(job_state_from_text(NULL), JOB_STATES);
	assert_int_equal(job_wait_from_text("luck"), JOB_WAITS);
	assert_string_equal(job_state_text((enum job_state)99), "unknown");
}

/* promises: C7 */
static void test_nothing_leaves_a_terminal_state_but_by_an_operators_retry(void **state)
{
	for (int from = 0; from < JOB_STATES; from++) {
		for (int to = 0; to < JOB_STATES; to++) {
			bool may = job_state_may((enum job_state)from, (enum job_state)to);

			if (job_state_terminal((enum job_state)from))
				assert_int_equal(
					may, from != JOB_COMPLETED &&
						     (to == JOB_QUEUED || to == JOB_WAITING));
			if (from == to)
				assert_false(may);
		}
	}
}

/* promises: C7 */
static void test_only_a_running_job_completes_and_only_a_queued_one_starts(void **state)
{
	for (int from = 0; from < JOB_STATES; from++) {
		assert_int_equal(
			job_state_may((enum job_state)from, JOB_COMPLETED), from == JOB_RUNNING);
		assert_int_equal(
			job_state_may((enum job_state)from, JOB_RUNNING), from == JOB_QUEUED);
	}
	assert_true(job_state_may(JOB_RUNNING, JOB_WAITING));
	assert_true(job_state_may(JOB_WAITING, JOB_QUEUED));
	assert_false(job_state_may((enum job_state)99, JOB_QUEUED));
}

static void test_queue_names_fit_into_a_topic(void **state)
{
	static const char *const right[] = {"default", "a", "a-b_c.d", "0"};
	static const char *const wrong[] = {
		"", "A", "a b", "../x", ".a", "_a", "-a", "a/b", "\xc3\xa9"};
	char name[JOB_QUEUE_MAX + 2];

	for (size_t i = 0; i < sizeof(right) / sizeof(*right); i++)
		assert_true(job_queue_name_valid(right[i], strlen(right[i])));
	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(job_queue_name_valid(wrong[i], strlen(wrong[i])));
	memset(name, 'a', sizeof(name));
	assert_true(job_queue_name_valid(name, JOB_QUEUE_MAX));
	assert_false(job_queue_name_valid(name, JOB_QUEUE_MAX + 1));
}

/* promises: C14 */
static void test_a_kind_knows_its_path_and_internal_ones_are_not_submitted(void **state)
{
	assert_string_equal(kind_submittable("chat")->path, "/chat/completions");
	assert_non_null(kind_submittable("noop"));
	assert_null(kind_submittable("deliver"));
	assert_null(kind_submittable("purge"));
	assert_null(kind_submittable("Chat"));
	assert_null(kind_submittable(NULL));
	assert_true(kind_find("warm")->internal);
	for (size_t i = 0; kind_at(i) != NULL; i++)
		assert_ptr_equal(kind_find(kind_at(i)->name), kind_at(i));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_come_back_as_they_went),
		cmocka_unit_test(test_nothing_leaves_a_terminal_state_but_by_an_operators_retry),
		cmocka_unit_test(test_only_a_running_job_completes_and_only_a_queued_one_starts),
		cmocka_unit_test(test_queue_names_fit_into_a_topic),
		cmocka_unit_test(test_a_kind_knows_its_path_and_internal_ones_are_not_submitted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
