/* The life of a job through the stores, against a real Postgres (LONGHAUL_TEST_PG). */
#include "unit/core/stores/record_world.h"

/* promises: C1 */
static void test_a_job_lives_from_submit_to_answer(void **state)
{
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	struct record_claims *got;
	struct finish f;

	record_submit(w->producer, &s, 1);
	assert_int_equal(s.outcome, ERR_OK);
	assert_int_equal(s.state, JOB_QUEUED);
	assert_true(s.ready);
	got = record_claim(w->worker, w->me, w->queue, 10);
	assert_int_equal(got->n, 1);
	assert_true(id_equal(got->claim[0].job, s.job));
	assert_true(got->claim[0].fence > 0);
	assert_int_equal(got->claim[0].event_from, 2);
	assert_int_equal(got->claim[0].event_to, 257);
	f = record_finish_of(&got->claim[0]);
	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(f.outcome, ERR_OK);
	assert_int_equal(f.state, JOB_COMPLETED);
	assert_int_equal(record_look(w, w->tenant, s.job), 1);
	assert_int_equal(record_row.state, JOB_COMPLETED);
	assert_string_equal(record_result, "{\"ok\":true}");
	assert_int_equal(record_row.event_next, 4);
	assert_int_equal(record_claim(w->worker, w->me, w->queue, 10)->n, 0);
}

/* promises: C7 */
static void test_a_second_finish_is_lost(void **state)
{
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	struct finish f;

	record_submit(w->producer, &s, 1);
	f = record_finish_of(&record_claim(w->worker, w->me, w->queue, 1)->claim[0]);
	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(f.outcome, ERR_OK);
	f.fence++;
	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(f.outcome, ERR_LOST);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_job_lives_from_submit_to_answer,
			record_world_open, record_world_close),
		cmocka_unit_test_setup_teardown(
			test_a_second_finish_is_lost, record_world_open, record_world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
