/* Submitting, against a real Postgres (LONGHAUL_TEST_PG). */
#include "unit/core/stores/record_world.h"

static struct submit keyed(struct record_world *w, char key, char body)
{
	struct submit s = record_job(w->tenant, w->queue);

	s.has_key = true;
	memset(s.key_hash, key, sizeof(s.key_hash));
	memset(s.body_hash, body, sizeof(s.body_hash));
	return s;
}

/* promises: C10 */
static void test_the_same_key_and_body_is_the_same_job(void **state)
{
	struct record_world *w = *state;
	struct submit first = keyed(w, 'k', 'b'), again = keyed(w, 'k', 'b');

	record_submit(w->producer, &first, 1);
	record_submit(w->producer, &again, 1);
	assert_false(first.replayed);
	assert_int_equal(again.outcome, ERR_OK);
	assert_true(again.replayed);
	assert_true(id_equal(again.job_id, first.job));
	assert_int_equal(again.created_ms, first.created_ms);
	assert_false(again.ready);
	assert_int_equal(record_look(w, w->tenant, again.job), 0);
}

/* promises: C10 */
static void test_the_same_key_with_another_body_is_refused(void **state)
{
	struct record_world *w = *state;
	struct submit first = keyed(w, 'k', 'b'), other = keyed(w, 'k', 'c');

	record_submit(w->producer, &first, 1);
	record_submit(w->producer, &other, 1);
	assert_int_equal(other.outcome, ERR_IDEMPOTENCY);
	assert_int_equal(record_look(w, w->tenant, other.job), 0);
}

/* promises: C10 */
static void test_a_key_twice_in_one_batch_makes_one_job(void **state)
{
	struct record_world *w = *state;
	struct submit jobs[3] = {keyed(w, 'k', 'b'), keyed(w, 'k', 'b'), keyed(w, 'k', 'x')};

	record_submit(w->producer, jobs, 3);
	assert_int_equal(jobs[0].outcome, ERR_OK);
	assert_int_equal(jobs[1].outcome, ERR_OK);
	assert_true(jobs[0].replayed != jobs[1].replayed);
	assert_true(id_equal(jobs[0].job_id, jobs[1].job_id));
	assert_int_equal(jobs[2].outcome, ERR_IDEMPOTENCY);
}

/* promises: C10 */
static void test_a_concurrent_same_key_waits_for_the_first(void **state)
{
	struct record_world *w = *state;
	struct db *other = record_open(getenv("LONGHAUL_TEST_PG"), "longhaul_producer");
	struct submit a = keyed(w, 'k', 'b'), b = keyed(w, 'k', 'b');
	struct submit *batch_a[] = {&a}, *batch_b[] = {&b};
	enum err e_a = ERR_INTERNAL, e_b = ERR_INTERNAL;

	assert_int_equal(submit_batch(w->producer, batch_a, 1, record_submitted, &e_a), ERR_OK);
	assert_int_equal(submit_batch(other, batch_b, 1, record_submitted, &e_b), ERR_OK);
	assert_int_equal(db_wait(w->producer, RECORD_WAIT_MS), ERR_OK);
	assert_int_equal(db_wait(other, RECORD_WAIT_MS), ERR_OK);
	assert_int_equal(e_a, ERR_OK);
	assert_int_equal(e_b, ERR_OK);
	assert_true(a.replayed != b.replayed);
	assert_true(id_equal(a.job_id, b.job_id));
	db_close(other);
}

/* promises: C1 */
static void test_each_element_stands_alone(void **state)
{
	struct record_world *w = *state;
	struct submit jobs[3] = {record_job(w->tenant, w->queue), record_job(w->tenant, 999999),
		record_job(record_tenant(w->producer), w->queue)};

	jobs[2].run_at_ms = clock_record_ms() + 3600000;
	record_submit(w->producer, jobs, 3);
	assert_int_equal(jobs[0].outcome, ERR_OK);
	assert_int_equal(jobs[1].outcome, ERR_UNKNOWN_QUEUE);
	assert_int_equal(jobs[2].outcome, ERR_OK);
	assert_int_equal(jobs[2].state, JOB_WAITING);
	assert_false(jobs[2].ready);
	assert_int_equal(record_look(w, jobs[2].tenant, jobs[2].job), 1);
	assert_string_equal(record_waiting, "run_at");
	assert_int_equal(record_row.due_ms, jobs[2].run_at_ms);
	/* Another tenant's job is not there. */
	assert_int_equal(record_look(w, w->tenant, jobs[2].job), 0);
}

/* promises: C1 */
static void test_a_bad_value_refuses_the_batch_as_data(void **state)
{
	struct record_world *w = *state;
	struct submit jobs[2] = {record_job(w->tenant, w->queue), record_job(w->tenant, w->queue)};
	struct submit *batch[] = {&jobs[0], &jobs[1]};
	enum err e = ERR_OK;

	jobs[1].priority = 99;
	record_run(w->producer, submit_batch(w->producer, batch, 2, record_submitted, &e));
	assert_int_equal(e, ERR_DB_DATA);
	assert_int_equal(record_look(w, w->tenant, jobs[0].job), 0);
	record_submit(w->producer, jobs, 1);
	assert_int_equal(jobs[0].outcome, ERR_OK);
}

/* promises: C1 */
static void test_a_draining_queue_takes_nothing(void **state)
{
	struct record_world *w = *state;
	char name[ID_UUID_MAX];
	struct submit s;

	id_uuid(id_new(0), name);
	s = record_job(w->tenant, record_queue(w->producer, &(struct queue_change){.name = name,
								    .has_draining = true,
								    .draining = true}));
	record_submit(w->producer, &s, 1);
	assert_int_equal(s.outcome, ERR_QUEUE_FULL);
}

/* promises: C1, C16 */
static void test_an_unknown_commit_is_settled_by_reading(void **state)
{
	struct record_world *w = *state;
	struct submit there = record_job(w->tenant, w->queue),
		      gone = record_job(w->tenant, w->queue);
	struct submit *batch[] = {&there, &gone};
	enum err e = ERR_INTERNAL;

	record_submit(w->producer, &there, 1);
	record_run(w->producer, submit_settle(w->producer, batch, 2, record_submitted, &e));
	assert_int_equal(e, ERR_OK);
	assert_int_equal(there.outcome, ERR_OK);
	assert_int_equal(gone.outcome, ERR_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, record_world_open, record_world_close)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_the_same_key_and_body_is_the_same_job),
		TEST(test_the_same_key_with_another_body_is_refused),
		TEST(test_a_key_twice_in_one_batch_makes_one_job),
		TEST(test_a_concurrent_same_key_waits_for_the_first),
		TEST(test_each_element_stands_alone),
		TEST(test_a_bad_value_refuses_the_batch_as_data),
		TEST(test_a_draining_queue_takes_nothing),
		TEST(test_an_unknown_commit_is_settled_by_reading),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
