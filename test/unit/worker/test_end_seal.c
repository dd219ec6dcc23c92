/* What is left of an end whose values cannot be kept. */
#include "end_seal.h"
#include "job.h"
#include "sealing.h"
#include "worker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { ROOM = 1024 };

static struct worker worker;

/* Of a job without a data key: nobody holds its epoch any more. */
static struct job used_job(void)
{
	struct job job = {.worker = &worker,
		.id = id_new(0),
		.fence = 1,
		.end = {.as = FINISH_RETRY,
			.error = ERR_UP_503,
			.input_tokens = 7,
			.output_tokens = 9,
			.cost_nano = 11}};

	buf_init(&job.words, ROOM);
	assert_int_equal(buf_text(&job.words, "its upstream's words"), ERR_OK);
	return job;
}

/* promises: X6, S1.8 */
static void test_a_key_that_goes_takes_the_words_and_leaves_the_bill(void **state)
{
	struct job job = used_job();
	struct event_run run;
	struct buf sealed;

	buf_init(&sealed, ROOM);
	assert_int_equal(end_seal(&job, &sealed, &run), ERR_OK);
	assert_int_equal(job.end.as, FINISH_FAILED);
	assert_int_equal(job.end.error, ERR_SEALING);
	assert_null(job.end.message.bytes);
	assert_int_equal(job.end.input_tokens, 7);
	assert_int_equal(job.end.output_tokens, 9);
	assert_int_equal(job.end.cost_nano, 11);
	buf_clear(&sealed);
	buf_clear(&job.words);
}

/* promises: X6 */
static void test_a_number_that_the_record_may_have_refused_goes(void **state)
{
	struct job job = used_job();

	end_disown(&job, ERR_DB_DATA);
	assert_int_equal(job.end.error, ERR_DB_DATA);
	assert_int_equal(job.end.input_tokens + job.end.output_tokens + job.end.cost_nano, 0);
	buf_clear(&job.words);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_key_that_goes_takes_the_words_and_leaves_the_bill),
		cmocka_unit_test(test_a_number_that_the_record_may_have_refused_goes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
