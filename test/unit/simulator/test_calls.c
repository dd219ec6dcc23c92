/* The call log keeps the newest calls, says what it dropped, and counts refusals by job. */
#include "simulator/calls.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void the_oldest_calls_fall_out(void **state)
{
	struct calls *c = NULL;
	struct buf out;

	buf_init(&out, 1 << 20);
	assert_int_equal(calls_open(8, &c), ERR_OK);
	for (unsigned i = 0; i < 20; i++)
		calls_begin(c,
			&(struct request){.job = {i % 2 ? "job_a" : "job_b", 5},
				.key = {"k", 1},
				.attempt = (unsigned)i},
			"sim");
	assert_null(calls_get(c, 11));
	assert_int_equal(calls_get(c, 12)->attempt, 12);
	struct calls_query q = {.job = {"job_a", 5}, .limit = 100};
	assert_int_equal(calls_list(c, &q, &out), ERR_OK);
	assert_non_null(strstr(out.bytes, "\"attempt\":13"));
	assert_null(strstr(out.bytes, "job_b"));
	assert_non_null(strstr(out.bytes, "\"total\":8,\"dropped\":12}"));
	buf_reset(&out);
	calls_empty(c);
	assert_int_equal(calls_summary(c, &out), ERR_OK);
	assert_non_null(strstr(out.bytes, "{\"total\":0,\"dropped\":0,"));
	buf_clear(&out);
	calls_close(c);
}

static void refusals_are_counted_by_job(void **state)
{
	struct calls *c = NULL;

	assert_int_equal(calls_open(8, &c), ERR_OK);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(calls_refused(c, 42), i);
	assert_int_equal(calls_refused(c, 43), 0);
	calls_empty(c);
	assert_int_equal(calls_refused(c, 42), 0);
	calls_close(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_oldest_calls_fall_out),
		cmocka_unit_test(refusals_are_counted_by_job),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
