/* The leader's work: terms, due and late jobs, dead workers (LONGHAUL_TEST_PG). */
#include "stores/due.h"
#include "stores/event.h"
#include "unit/core/stores/record_leader.h"

static void submit_n(struct led *l, struct submit *jobs, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		jobs[i] = record_job(l->w->tenant, l->w->queue);
	record_submit(l->w->producer, jobs, n);
}

static void on_work(void *ctx, enum err e, size_t n)
{
	struct {
		enum err e;
		size_t n;
	} *told = ctx;

	told->e = e;
	told->n = n;
}

/* promises: C7, C16 */
static void test_one_leads_and_a_frozen_one_touches_nothing(void **state)
{
	struct led *l = *state;
	struct submit s = record_job(l->w->tenant, l->w->queue);
	struct id other = id_new(0);
	struct {
		enum err e;
		size_t n;
	} told = {ERR_OK, 0};

	assert_int_equal(hold(l->leader, other, 1000).number, 0);
	assert_true(hold(l->leader, l->me, 60000).number == l->term);
	s.run_at_ms = clock_record_ms() + 3600000;
	record_submit(l->w->producer, &s, 1);
	record_run(l->leader, due_move(l->leader, l->term - 1, 10, on_work, &told));
	assert_int_equal(told.e, ERR_LOST);
	record_run(l->leader, term_release(l->leader, l->me, l->term, record_ok, NULL));
	record_run(l->leader, due_move(l->leader, l->term, 10, on_work, &told));
	assert_int_equal(told.e, ERR_LOST);
	l->term = hold(l->leader, l->me, 60000).number;
	record_run(l->leader, due_move(l->leader, l->term, 10, on_work, &told));
	assert_int_equal(told.e, ERR_OK);
}

/* promises: C7 */
static void test_a_dead_workers_jobs_return_and_its_late_write_is_refused(void **state)
{
	struct led *l = *state;
	struct submit jobs[3];
	struct record_claims *got;
	struct claim old;
	struct finish f;

	submit_n(l, jobs, 3);
	old = record_claim(l->w->worker, l->w->me, l->w->queue, 10)->claim[0];
	assert_int_equal(reap(l, l->w->me).returned, 3);
	assert_int_equal(record_claim(l->w->worker, l->w->me, l->w->queue, 10)->n, 0);
	got = record_claim(l->w->worker, reborn(l, NULL, 0), l->w->queue, 10);
	assert_int_equal(got->n, 3);
	assert_true(got->claim[0].restarted);
	assert_int_equal(got->claim[0].event_from, 258);
	assert_int_equal(got->claim[0].interruptions, 1);
	assert_int_equal(got->claim[0].attempt, 1);
	f = record_finish_of(&old);
	record_finish(l->w->worker, l->w->me, &f, 1);
	assert_int_equal(f.outcome, ERR_LOST);
}

/* promises: C7 */
static void test_only_the_job_to_blame_is_quarantined(void **state)
{
	struct led *l = *state;
	struct id worker = l->w->me;
	struct record_claims *got;
	struct submit jobs[5];
	struct worker_crash note;
	struct reap_report report;
	int death;
	size_t i;

	submit_n(l, jobs, 5);
	for (death = 1; death <= 3; death++) {
		got = record_claim(l->w->worker, worker, l->w->queue, 10);
		assert_int_equal(got->n, 5);
		note = (struct worker_crash){
			.worker = worker, .tenant = jobs[2].tenant, .job = jobs[2].job};
		for (i = 0; i < got->n; i++)
			if (id_equal(got->claim[i].job, jobs[2].job))
				note.fence = got->claim[i].fence;
		worker = reborn(l, &note, 1);
		report = reap(l, note.worker);
		assert_int_equal(report.quarantined, death == 3 ? 1 : 0);
	}
	for (i = 0; i < 5; i++) {
		assert_int_equal(record_look(l->w, jobs[i].tenant, jobs[i].job), 1);
		assert_int_equal(record_row.state, i == 2 ? JOB_FAILED : JOB_QUEUED);
		assert_int_equal(record_row.crashes, i == 2 ? 3 : 0);
		assert_true(record_row.dead == (i == 2));
	}
	assert_int_equal(record_look(l->w, jobs[2].tenant, jobs[2].job), 1);
	assert_string_equal(record_error, "poison");
}

/* promises: C7 */
static void test_unexplained_deaths_lead_to_probation_one_at_a_time(void **state)
{
	struct led *l = *state;
	struct id worker = l->w->me;
	struct record_claims *got;
	struct submit jobs[4];
	int death;

	submit_n(l, jobs, 4);
	for (death = 0; death < 2; death++) {
		assert_int_equal(record_claim(l->w->worker, worker, l->w->queue, 10)->n, 4);
		assert_int_equal(reap(l, worker).returned, 4);
		worker = reborn(l, NULL, 0);
	}
	got = record_claim(l->w->worker, worker, l->w->queue, 10);
	assert_int_equal(got->n, 1);
	assert_true(got->claim[0].probation);
	assert_int_equal(record_claim(l->w->worker, worker, l->w->queue, 10)->n, 0);
	(void)reap(l, worker);
	assert_int_equal(record_look(l->w, got->claim[0].tenant, got->claim[0].job), 1);
	assert_int_equal(record_row.crashes, 1);
}

/* As a worker that leaves does. */
static void hand_back(struct led *l, const struct claim *c)
{
	struct finish end = record_finish_of(c);

	end.as = FINISH_INTERRUPTED;
	end.error = ERR_INTERRUPTED;
	end.result = (struct db_bytes){NULL, 0};
	end.decision = (struct id){{0}};
	record_finish(l->w->worker, l->w->me, &end, 1);
}

/* promises: C7 */
static void test_a_late_note_blames_after_all(void **state)
{
	struct led *l = *state;
	struct reap_report report;
	struct worker_crash note;
	struct submit s;

	submit_n(l, &s, 1);
	note = (struct worker_crash){.worker = l->w->me, .tenant = s.tenant, .job = s.job};
	note.fence = record_claim(l->w->worker, l->w->me, l->w->queue, 10)->claim[0].fence;
	assert_int_equal(reap(l, l->w->me).returned, 1);
	(void)reborn(l, &note, 1);
	record_run(l->leader, reap_notes(l->leader, l->term, on_reap, &report));
	assert_int_equal(record_look(l->w, s.tenant, s.job), 1);
	assert_int_equal(record_row.crashes, 1);
	record_run(l->leader, reap_notes(l->leader, l->term, on_reap, &report));
	assert_int_equal(record_look(l->w, s.tenant, s.job), 1);
	assert_int_equal(record_row.crashes, 1);
}

/* promises: C7 */
static void test_a_third_note_that_comes_late_ends_a_job_that_runs_again(void **state)
{
	struct led *l = *state;
	struct reap_report report;
	struct worker_crash note;
	struct claim last;
	struct submit s;
	struct finish end, *ends[] = {&end};
	enum err e = ERR_INTERNAL;

	submit_n(l, &s, 1);
	for (int crash = 1; crash <= REAP_CRASHES_MAX; crash++) {
		note = (struct worker_crash){.worker = l->w->me, .tenant = s.tenant, .job = s.job};
		note.fence = record_claim(l->w->worker, l->w->me, l->w->queue, 10)->claim[0].fence;
		assert_int_equal(reap(l, l->w->me).returned, 1);
		l->w->me = reborn(l, &note, 1);
		last = record_claim(l->w->worker, l->w->me, l->w->queue, 10)->claim[0];
		record_run(l->leader, reap_notes(l->leader, l->term, on_reap, &report));
		assert_int_equal(report.quarantined, crash == REAP_CRASHES_MAX);
		if (crash < REAP_CRASHES_MAX)
			hand_back(l, &last);
	}
	assert_int_equal(record_look(l->w, s.tenant, s.job), 1);
	assert_int_equal(record_row.state, JOB_FAILED);
	assert_int_equal(record_row.crashes, REAP_CRASHES_MAX);
	assert_string_equal(record_error, "poison");
	end = record_finish_of(&last);
	record_run(
		l->w->worker, finish_batch(l->w->worker, l->w->me, ends, 1, record_finished, &e));
	assert_int_equal(end.outcome, ERR_LOST);
}

/* promises: C7 */
static void test_a_worker_that_beats_is_not_reaped(void **state)
{
	struct led *l = *state;
	struct reap_report report = {0};
	struct submit s;

	submit_n(l, &s, 1);
	assert_int_equal(record_claim(l->w->worker, l->w->me, l->w->queue, 10)->n, 1);
	record_run(l->leader, reap_workers(l->leader, l->term,
				      &(struct reap_gone){&l->w->me, 1, true}, on_reap, &report));
	assert_int_equal(report.workers, 0);
	assert_int_equal(report.returned, 0);
}

static void age(struct led *l, const struct db_stmt *stmt)
{
	record_sql(l->w->producer, &l->w->tenant, stmt);
}

#define OURS                                                                                      \
	" where tenant_id = any(coalesce((select string_to_array(current_setting('app.tenants')," \
	" ',')::uuid[]), '{}'))"

/* promises: C5 */
static void test_due_jobs_become_ready_and_late_ones_expire(void **state)
{
	static const struct db_stmt due = {.name = "test_due_now",
		.sql = "update job_due set due_at = now() - interval '1 s'" OURS};
	static const struct db_stmt late = {.name = "test_late_now",
		.sql = "update job_ready set deadline_at = now() - interval '1 s'" OURS};
	struct led *l = *state;
	struct submit s = record_job(l->w->tenant, l->w->queue);
	struct {
		enum err e;
		size_t n;
	} told = {ERR_INTERNAL, 0};

	s.run_at_ms = clock_record_ms() + 3600000;
	s.deadline_s = 60;
	record_submit(l->w->producer, &s, 1);
	age(l, &due);
	record_run(l->leader, due_move(l->leader, l->term, 1000, on_work, &told));
	assert_int_equal(told.e, ERR_OK);
	assert_true(told.n >= 1);
	assert_int_equal(record_look(l->w, s.tenant, s.job), 1);
	assert_int_equal(record_row.state, JOB_QUEUED);
	age(l, &late);
	record_run(l->leader, due_expire_waiting(l->leader, l->term, 1000, on_work, &told));
	assert_int_equal(record_look(l->w, s.tenant, s.job), 1);
	assert_int_equal(record_row.state, JOB_EXPIRED);
	assert_string_equal(record_error, "deadline");
}

/* promises: C5, C7 */
static void test_a_running_job_past_its_deadline_is_taken_away(void **state)
{
	static const struct db_stmt late = {.name = "test_lease_late",
		.sql = "update job_lease set deadline_at = now() - interval '5 s' where tenant_id is not null"
		       " and job_id = any(coalesce((select string_to_array(current_setting('app.tenants'),"
		       " ',')::uuid[]), '{}'))"};
	struct led *l = *state;
	struct submit s = record_job(l->w->tenant, l->w->queue);
	struct finish f;
	struct {
		enum err e;
		size_t n;
	} told = {ERR_INTERNAL, 0};

	s.deadline_s = 3600;
	record_submit(l->w->producer, &s, 1);
	f = record_finish_of(&record_claim(l->w->worker, l->w->me, l->w->queue, 10)->claim[0]);
	/* The setting carries the job's id here: workers see every lease. */
	record_sql(l->w->worker, &s.job, &late);
	record_run(l->leader, due_expire_running(l->leader, l->term, 1000, on_work, &told));
	assert_int_equal(told.e, ERR_OK);
	assert_int_equal(record_look(l->w, s.tenant, s.job), 1);
	assert_int_equal(record_row.state, JOB_EXPIRED);
	record_finish(l->w->worker, l->w->me, &f, 1);
	assert_int_equal(f.outcome, ERR_LOST);
}

static void on_looked(void *ctx, enum err e, const struct reap_worker *workers, size_t n)
{
	bool *seen = ctx;
	size_t i;

	assert_int_equal(e, ERR_OK);
	*seen = n >= 2;
	for (i = 1; i < n; i++)
		assert_true(workers[i - 1].quiet_ms >= workers[i].quiet_ms);
}

/* A leader judges as many as it has room for. promises: C7 */
static void test_the_longest_silent_are_looked_at_first(void **state)
{
	struct led *l = *state;
	bool seen = false;

	silence(l, reborn(l, NULL, 0));
	record_run(l->leader, reap_look(l->leader, on_looked, &seen));
	assert_true(seen);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, led_open, led_close)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_leads_and_a_frozen_one_touches_nothing),
		TEST(test_a_dead_workers_jobs_return_and_its_late_write_is_refused),
		TEST(test_only_the_job_to_blame_is_quarantined),
		TEST(test_unexplained_deaths_lead_to_probation_one_at_a_time),
		TEST(test_a_late_note_blames_after_all),
		TEST(test_a_third_note_that_comes_late_ends_a_job_that_runs_again),
		TEST(test_a_worker_that_beats_is_not_reaped),
		TEST(test_the_longest_silent_are_looked_at_first),
		TEST(test_due_jobs_become_ready_and_late_ones_expire),
		TEST(test_a_running_job_past_its_deadline_is_taken_away),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
