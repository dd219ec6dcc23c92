/* Usage of many jobs that are lost at once, while the record is not there (LONGHAUL_TEST_PG). */
#include "late_usage.h"
#include "stores/job_change.h"
#include "stores/usage_day.h"
#include "unit/core/stores/record_world.h"

enum { JOBS = 100, TOKENS = 3 }; /* more than a connection queues */

struct room {
	struct loop *loop;
	struct late_usage *usage;
};

static void on_cancelled(void *ctx, enum err e, const struct job_changed *jobs, size_t n)
{
	(void)ctx;
	assert_int_equal(e, ERR_OK);
	assert_true(n == 1 && jobs->changed);
}

/* Claimed, and cancelled meanwhile. */
static void lose_jobs(struct record_world *w, struct claim *ret_claims)
{
	static struct submit jobs[JOBS];
	size_t n = 0;

	for (size_t i = 0; i < JOBS; i++)
		jobs[i] = record_job(w->tenant, w->queue);
	record_submit(w->producer, jobs, JOBS);
	while (n < JOBS) {
		const struct record_claims *got = record_claim(w->worker, w->me, w->queue, JOBS);

		assert_true(got->n > 0);
		memcpy(ret_claims + n, got->claim, got->n * sizeof(*got->claim));
		n += got->n;
	}
	for (size_t i = 0; i < JOBS; i++)
		record_run(w->producer,
			job_cancel(w->producer,
				(struct job_key){ret_claims[i].tenant, ret_claims[i].job},
				&record_actor, on_cancelled, NULL));
}

static void on_day(void *ctx, enum err e, const struct usage_row *rows, size_t n)
{
	struct usage_row *sum = ctx;

	assert_int_equal(e, ERR_OK);
	for (size_t i = 0; i < n; i++) {
		sum->attempts += rows[i].attempts;
		sum->output_tokens += rows[i].output_tokens;
	}
}

static struct usage_row booked(struct record_world *w)
{
	const struct usage_ask ask = {w->tenant, "2020-01-01", "2999-01-01", USAGE_BY_UPSTREAM};
	struct usage_row sum = {0};

	record_run(w->producer, usage_day_read(w->producer, &ask, on_day, &sum));
	return sum;
}

static void stop_when_booked(void *owner)
{
	struct room *room = owner;

	if (!late_usage_waiting(room->usage))
		loop_stop(room->loop);
}

/* promises: X6, C8 */
static void test_all_that_many_lost_jobs_used_is_booked_once_the_record_is_there(void **state)
{
	static struct claim claims[JOBS];
	struct record_world *w = *state;
	struct room room;
	struct loop_idle *idle;
	struct usage_row sum;
	struct db *db;

	lose_jobs(w, claims);
	assert_int_equal(loop_new(&room.loop), ERR_OK);
	assert_int_equal(db_open(room.loop,
				 &(struct db_options){.conninfo = getenv("LONGHAUL_TEST_PG"),
					 .user = "longhaul_worker",
					 .application = "unit test"},
				 &db),
		ERR_OK);
	assert_int_equal(late_usage_new(room.loop, db, &room.usage), ERR_OK);
	assert_false(db_is_up(db));
	for (size_t i = 0; i < JOBS; i++) {
		char upstream[] = "u"; /* copied: it goes with the job */
		const struct finish end = {.tenant = claims[i].tenant,
			.job = claims[i].job,
			.fence = claims[i].fence,
			.upstream = upstream,
			.output_tokens = TOKENS};

		late_usage_add(room.usage, w->me, &end);
		late_usage_flush(room.usage);
		upstream[0] = 'x';
	}
	assert_int_equal(late_usage_waiting(room.usage), JOBS);
	assert_int_equal(loop_after_io_new(room.loop, stop_when_booked, &room, &idle), ERR_OK);
	loop_run(room.loop);
	sum = booked(w);
	assert_int_equal(sum.attempts, JOBS);
	assert_int_equal(sum.output_tokens, JOBS * TOKENS);
	loop_after_io_free(idle);
	db_close(db);
	late_usage_free(room.usage);
	loop_free(room.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_all_that_many_lost_jobs_used_is_booked_once_the_record_is_there,
			record_world_open, record_world_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
