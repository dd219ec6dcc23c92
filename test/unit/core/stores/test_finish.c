/* How attempts end by their holder's hand, against a real Postgres (LONGHAUL_TEST_PG). */
#include "unit/core/stores/record_world.h"

static struct claim claim_one(struct record_world *w, const struct submit *s)
{
	struct record_claims *got;

	(void)s;
	got = record_claim(w->worker, w->me, w->queue, 1);
	assert_int_equal(got->n, 1);
	return got->claim[0];
}

static struct finish end_as(const struct claim *c, enum finish_as as, enum err why)
{
	struct finish f = record_finish_of(c);

	f.as = as;
	f.error = why;
	f.result = (struct db_bytes){NULL, 0};
	f.decision = (struct id){{0}};
	return f;
}

static const struct db_stmt all_due = {.name = "test_all_due",
	.sql = "with d as (delete from job_due where tenant_id = any(coalesce((select"
	       " string_to_array(current_setting('app.tenants'), ',')::uuid[]), '{}')) returning *),"
	       " j as (update job j set state = 'queued', rank = 1 from d where j.tenant_id ="
	       " d.tenant_id and j.job_id = d.job_id returning j.*)"
	       " insert into job_ready (tenant_id, queue_id, rank, job_id)"
	       " select tenant_id, queue_id, 1, job_id from j"};

/* promises: C5 */
static void test_a_retry_waits_and_its_attempts_run_out(void **state)
{
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	struct claim c;
	struct finish f;
	int64_t before = 0;
	int attempt;

	s.max_attempts = 2;
	record_submit(w->producer, &s, 1);
	for (attempt = 1; attempt <= 2; attempt++) {
		c = claim_one(w, &s);
		assert_int_equal(c.attempt, attempt);
		assert_true(attempt == 1 ? c.fence > 0 : c.fence == before + 1);
		before = c.fence;
		f = end_as(&c, FINISH_RETRY, ERR_UP_503);
		f.delay_ms = 60000;
		f.waiting_for = "retry";
		record_finish(w->worker, w->me, &f, 1);
		assert_int_equal(f.outcome, ERR_OK);
		assert_int_equal(f.state, attempt == 1 ? JOB_WAITING : JOB_FAILED);
		if (attempt == 1)
			record_sql(w->producer, &w->tenant, &all_due);
	}
	assert_int_equal(record_look(w, w->tenant, s.job), 1);
	assert_int_equal(record_row.state, JOB_FAILED);
	assert_true(record_row.dead);
	assert_string_equal(record_error, "upstream_unavailable");
}

/* promises: C15 */
static void test_an_interrupted_job_is_ready_again_with_its_attempt_unburnt(void **state)
{
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	struct claim c;
	struct finish f;

	record_submit(w->producer, &s, 1);
	c = claim_one(w, &s);
	f = end_as(&c, FINISH_INTERRUPTED, ERR_INTERRUPTED);
	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(f.state, JOB_QUEUED);
	c = claim_one(w, &s);
	assert_int_equal(c.attempt, 1);
	assert_int_equal(c.interruptions, 1);
	assert_int_equal(c.fence, f.fence + 1);
	assert_int_equal(c.event_from, 4); /* 1 queued, 2 running, 3 handed back */
	assert_false(c.restarted);
}

/* Ends the attempt so that another follows, with so many pieces of text by the model. */
static struct claim after_text(
	struct record_world *w, const struct submit *s, enum finish_as as, int deltas)
{
	const struct claim c = claim_one(w, s);
	struct finish f = end_as(&c, as, ERR_UP_503);

	f.event_last = c.event_from + 1 + deltas;
	f.model = "the-model";
	f.waiting_for = "retry";
	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(f.outcome, ERR_OK);
	if (as != FINISH_INTERRUPTED)
		record_sql(w->producer, &w->tenant, &all_due);
	return c;
}

/* promises: C2, C6 */
static void test_who_follows_an_attempt_with_text_begins_anew_with_its_model(void **state)
{
	static const struct {
		enum finish_as as;
		int deltas;
		bool restarted, told; /* as the claim before the end finds it */
	} rows[] = {
		{FINISH_RETRY, 0, false, false},
		{FINISH_PARKED, 0, false, false},
		{FINISH_RETRY, 2, false, false},
		{FINISH_PARKED, 0, true, true},
		{FINISH_INTERRUPTED, 1, false, true},
		{FINISH_RETRY, 0, true, true},
		{FINISH_RETRY, 0, false, true},
	};
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);

	s.max_attempts = 10;
	record_submit(w->producer, &s, 1);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const struct claim c = after_text(w, &s, rows[i].as, rows[i].deltas);

		assert_int_equal(c.restarted, rows[i].restarted);
		assert_int_equal(c.told_model != NULL, rows[i].told);
	}
}

/* promises: C5 */
static void test_a_parked_job_waits_without_burning_an_attempt(void **state)
{
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	struct claim c;
	struct finish f;

	record_submit(w->producer, &s, 1);
	c = claim_one(w, &s);
	f = end_as(&c, FINISH_PARKED, ERR_UP_RATE);
	f.delay_ms = 60000;
	f.waiting_for = "limit";
	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(f.state, JOB_WAITING);
	assert_true(f.due_ms > clock_record_ms());
	assert_int_equal(record_look(w, w->tenant, s.job), 1);
	assert_string_equal(record_waiting, "limit");
	assert_int_equal(record_row.attempt, 0);
}

/* promises: C5 */
static void test_a_retry_beyond_the_deadline_fails_at_once(void **state)
{
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	struct claim c;
	struct finish f;

	s.deadline_s = 30;
	record_submit(w->producer, &s, 1);
	c = claim_one(w, &s);
	assert_true(c.deadline_left_ms > 0 && c.deadline_left_ms <= 30000);
	f = end_as(&c, FINISH_RETRY, ERR_UP_503);
	f.delay_ms = 60000;
	f.waiting_for = "retry";
	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(f.state, JOB_FAILED);
}

/* promises: C7 */
static void test_many_end_together_each_with_its_own_outcome(void **state)
{
	struct record_world *w = *state;
	struct submit jobs[10];
	struct finish ends[10];
	struct record_claims *got;
	size_t i;

	for (i = 0; i < 10; i++)
		jobs[i] = record_job(i % 2 ? w->tenant : record_tenant(w->producer), w->queue);
	record_submit(w->producer, jobs, 10);
	for (i = 0; i < 10;) {
		got = record_claim(w->worker, w->me, w->queue, 10);
		assert_true(got->n > 0);
		for (size_t k = 0; k < got->n; k++)
			ends[i++] = record_finish_of(&got->claim[k]);
	}
	ends[3].fence += 5;
	record_finish(w->worker, w->me, ends, 10);
	for (i = 0; i < 10; i++)
		assert_int_equal(ends[i].outcome, i == 3 ? ERR_LOST : ERR_OK);
}

/* promises: C7 */
static void test_another_worker_cannot_finish(void **state)
{
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	struct claim c;
	struct finish f;

	record_submit(w->producer, &s, 1);
	c = claim_one(w, &s);
	f = record_finish_of(&c);
	record_finish(w->worker, record_worker(w->worker), &f, 1);
	assert_int_equal(f.outcome, ERR_LOST);
	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(f.outcome, ERR_OK);
}

/* promises: C7, C16 */
static void test_an_end_that_nobody_could_ask_after_is_not_lost(void **state)
{
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	struct finish f, *batch[1] = {&f};
	enum err e = ERR_INTERNAL;

	record_submit(w->producer, &s, 1);
	f = record_finish_of(&record_claim(w->worker, w->me, w->queue, 1)->claim[0]);
	f.fence += 5;
	assert_int_equal(finish_batch(w->worker, w->me, batch, 1, record_finished, &e), ERR_OK);
	/* Another transaction is being made when the answer comes: no room to read once more. */
	assert_int_equal(db_begin(w->worker, NULL, 0), ERR_OK);
	assert_int_equal(db_wait(w->worker, RECORD_WAIT_MS), ERR_OK);
	db_abandon(w->worker);
	assert_int_equal(e, ERR_OK);
	assert_int_equal(f.outcome, ERR_UNAVAILABLE);
	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(f.outcome, ERR_LOST);
}

/* promises: C7, C16 */
static void test_an_unknown_commit_is_settled_by_the_attempt(void **state)
{
	struct record_world *w = *state;
	struct submit jobs[2] = {record_job(w->tenant, w->queue), record_job(w->tenant, w->queue)};
	struct finish ends[2], lost, *batch[3] = {&ends[0], &ends[1], &lost};
	struct record_claims *got;
	enum err e = ERR_INTERNAL;

	record_submit(w->producer, jobs, 2);
	got = record_claim(w->worker, w->me, w->queue, 2);
	ends[0] = record_finish_of(&got->claim[0]);
	ends[1] = lost = record_finish_of(&got->claim[1]);
	lost.fence = 77;
	record_finish(w->worker, w->me, &ends[0], 1);
	record_run(w->worker, finish_settle(w->worker, w->me, batch, 3, record_finished, &e));
	assert_int_equal(e, ERR_OK);
	assert_int_equal(ends[0].outcome, ERR_OK);
	assert_int_equal(ends[0].state, JOB_COMPLETED);
	assert_int_equal(ends[1].outcome, ERR_UNAVAILABLE);
	assert_int_equal(lost.outcome, ERR_LOST);
}

/* promises: C2 */
static void test_deltas_travel_with_the_end(void **state)
{
	static const uint32_t lengths[2] = {2, 3};
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	struct event_run run = {.kind = EVENT_DELTA,
		.seq_from = 3,
		.count = 2,
		.text = {"\0heya!", 6},
		.lengths = {lengths, sizeof(lengths)}};
	struct claim c;
	struct finish f;

	record_submit(w->producer, &s, 1);
	c = claim_one(w, &s);
	f = record_finish_of(&c);
	f.runs = &run;
	f.runs_n = 1;
	f.event_last = 5;
	f.input_tokens = 7;
	f.output_tokens = 9;
	f.cost_nano = 123;
	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(f.outcome, ERR_OK);
	assert_int_equal(record_look(w, w->tenant, s.job), 1);
	assert_int_equal(record_row.event_next, 6);
	assert_int_equal(record_row.output_tokens, 9);
	assert_int_equal(record_row.cost_nano, 123);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, record_world_open, record_world_close)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_retry_waits_and_its_attempts_run_out),
		TEST(test_an_interrupted_job_is_ready_again_with_its_attempt_unburnt),
		TEST(test_who_follows_an_attempt_with_text_begins_anew_with_its_model),
		TEST(test_a_parked_job_waits_without_burning_an_attempt),
		TEST(test_a_retry_beyond_the_deadline_fails_at_once),
		TEST(test_many_end_together_each_with_its_own_outcome),
		TEST(test_another_worker_cannot_finish),
		TEST(test_an_end_that_nobody_could_ask_after_is_not_lost),
		TEST(test_an_unknown_commit_is_settled_by_the_attempt),
		TEST(test_deltas_travel_with_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
