/* The life of a job through the stores, against a real Postgres (LONGHAUL_TEST_PG). */
#include "unit/core/stores/record.h"

struct world {
	struct db *producer, *worker;
	struct id tenant, me;
	int32_t queue;
};

static int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	const char *conninfo = getenv("LONGHAUL_TEST_PG");

	assert_non_null(w);
	w->producer = record_open(conninfo, "longhaul_producer");
	w->worker = record_open(conninfo, "longhaul_worker");
	w->tenant = record_tenant(w->producer);
	w->queue = record_queue_new(w->producer);
	w->me = record_worker(w->worker);
	*state = w;
	return 0;
}

static int world_close(void **state)
{
	struct world *w = *state;

	db_close(w->producer);
	db_close(w->worker);
	free(w);
	return 0;
}

static struct job_row read_row;
static char read_result[100];

static void on_read(void *ctx, enum err e, const struct job_row *rows, size_t n)
{
	assert_int_equal(e, ERR_OK);
	*(size_t *)ctx = n;
	if (n == 0)
		return;
	read_row = rows[0];
	snprintf(read_result, sizeof(read_result), "%.*s", (int)rows[0].result.len - 1,
		rows[0].result.len > 0 ? (const char *)rows[0].result.bytes + 1 : "");
}

static size_t job_look(struct world *w, struct id tenant, struct id job)
{
	size_t n = 0;

	record_run(w->producer,
		job_read(w->producer, &(struct job_key){tenant, job}, 1,
			JOB_READ_LABELS | JOB_READ_ANSWER | JOB_READ_INPUT, on_read, &n));
	return n;
}

/* promises: C1 */
static void test_a_job_lives_from_submit_to_answer(void **state)
{
	struct world *w = *state;
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
	assert_int_equal(got->claim[0].fence, 1);
	assert_int_equal(got->claim[0].event_from, 2);
	assert_int_equal(got->claim[0].event_to, 257);
	f = record_finish_of(&got->claim[0]);
	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(f.outcome, ERR_OK);
	assert_int_equal(f.state, JOB_COMPLETED);
	assert_int_equal(job_look(w, w->tenant, s.job), 1);
	assert_int_equal(read_row.state, JOB_COMPLETED);
	assert_string_equal(read_result, "{\"ok\":true}");
	assert_int_equal(read_row.event_next, 4);
	assert_int_equal(record_claim(w->worker, w->me, w->queue, 10)->n, 0);
}

/* promises: C2 */
static void test_a_second_finish_is_lost(void **state)
{
	struct world *w = *state;
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
		cmocka_unit_test_setup_teardown(
			test_a_job_lives_from_submit_to_answer, world_open, world_close),
		cmocka_unit_test_setup_teardown(
			test_a_second_finish_is_lost, world_open, world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
