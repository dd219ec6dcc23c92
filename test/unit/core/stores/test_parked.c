/* Jobs that wait for an upstream stand in its line (LONGHAUL_TEST_PG): the places' times are the
 * line's, the best rank takes the next, and whoever notices leave to spare calls the first. */
#include "stores/due.h"
#include "stores/job_change.h"
#include "stores/parked.h"
#include "unit/core/stores/record_leader.h"

enum { HOUR_MS = 3600000 };

struct parked {
	struct submit job;
	struct id line;
	int hours; /* to its time */
	bool retry;
};

static void on_work(void *ctx, enum err e, size_t n)
{
	struct {
		enum err e;
		size_t n;
	} *told = ctx;

	told->e = e;
	told->n = n;
}

/* Submits, claims and sends back each, one after the other: what was parked first is the oldest. */
static void park(struct led *l, struct parked *jobs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct submit *s = &jobs[i].job;
		const int priority = s->priority;
		struct finish f;

		*s = record_job(l->w->tenant, l->w->queue);
		s->priority = priority;
		record_submit(l->w->producer, s, 1);
		f = record_finish_of(
			&record_claim(l->w->worker, l->w->me, l->w->queue, 1)->claim[0]);
		f.as = jobs[i].retry ? FINISH_RETRY : FINISH_PARKED;
		f.error = ERR_UP_BREAKER;
		f.waiting_for = "breaker";
		f.delay_ms = (int64_t)jobs[i].hours * HOUR_MS;
		f.line = jobs[i].line;
		record_finish(l->w->worker, l->w->me, &f, 1);
		assert_int_equal(f.state, JOB_WAITING);
	}
}

/* The first place of the test's jobs falls due, and the leader looks. */
static void turn(struct led *l)
{
	static const struct db_stmt first = {.name = "test_first_due",
		.sql = "with ours as (select ctid as at, due_at from job_due where tenant_id ="
		       " any(coalesce((select string_to_array(current_setting('app.tenants'), ',')::uuid[]),"
		       " '{}')) order by due_at limit 1)"
		       " update job_due set due_at = now() - interval '1 s' where ctid ="
		       " (select at from ours)"};
	struct {
		enum err e;
		size_t n;
	} told = {ERR_INTERNAL, 0};

	record_sql(l->w->producer, &l->w->tenant, &first);
	record_run(l->leader, due_move(l->leader, l->term, 1000, on_work, &told));
	assert_int_equal(told.e, ERR_OK);
}

static enum job_state state_of(struct led *l, const struct parked *p)
{
	assert_int_equal(record_look(l->w, p->job.tenant, p->job.job), 1);
	return record_row.state;
}

static bool is_hours_ahead(struct led *l, const struct parked *p, int hours)
{
	int64_t left_ms;

	assert_int_equal(state_of(l, p), JOB_WAITING);
	left_ms = record_row.due_ms - clock_record_ms();
	return left_ms > (hours - 1) * (int64_t)HOUR_MS && left_ms <= hours * (int64_t)HOUR_MS;
}

/* promises: C12, C14 */
static void test_a_place_that_is_due_goes_to_the_best_rank_of_its_line(void **state)
{
	struct led *l = *state;
	const struct id line = id_new(0), other = id_new(0);
	struct parked jobs[] = {
		{.job.priority = 9, .line = line, .hours = 1},
		{.job.priority = 5, .line = line, .hours = 2},
		{.job.priority = 0, .line = line, .hours = 3},
		{.job.priority = 0, .line = other, .hours = 4},
		{.job.priority = 0, .line = line, .hours = 5, .retry = true},
	};

	park(l, jobs, 5);
	turn(l);
	assert_int_equal(state_of(l, &jobs[2]), JOB_QUEUED);
	assert_true(is_hours_ahead(l, &jobs[0], 3)); /* the place that was left */
	assert_true(is_hours_ahead(l, &jobs[1], 2));
	assert_true(is_hours_ahead(l, &jobs[3], 4)); /* another's line */
	assert_true(is_hours_ahead(l, &jobs[4], 5)); /* a retry's time is its own */
	turn(l);
	assert_int_equal(state_of(l, &jobs[1]), JOB_QUEUED);
	turn(l);
	assert_int_equal(state_of(l, &jobs[0]), JOB_QUEUED);
}

/* promises: C12, C14 */
static void test_of_one_rank_the_older_goes_first_and_keeps_what_it_waited(void **state)
{
	struct led *l = *state;
	const struct id line = id_new(0);
	struct parked jobs[] = {
		{.job.priority = 5, .line = line, .hours = 2},
		{.job.priority = 5, .line = line, .hours = 1},
	};
	struct submit fresh = record_job(l->w->tenant, l->w->queue);

	park(l, jobs, 2);
	record_submit(l->w->producer, &fresh, 1);
	turn(l);
	assert_int_equal(state_of(l, &jobs[0]), JOB_QUEUED);
	assert_true(is_hours_ahead(l, &jobs[1], 2));
	assert_true(id_equal(record_claim(l->w->worker, l->w->me, l->w->queue, 1)->claim[0].job,
		jobs[0].job.job));
}

static void on_woken(void *ctx, enum err e, const struct parked_line *lines, size_t n)
{
	assert_int_equal(e, ERR_OK);
	memcpy(ctx, lines, n * sizeof(*lines));
}

/* promises: C6, C14 */
static void test_the_first_of_a_line_are_called_before_their_time(void **state)
{
	struct led *l = *state;
	const struct id line = id_new(0), nobodys = id_new(0);
	struct parked jobs[] = {
		{.job.priority = 9, .line = line, .hours = 1},
		{.job.priority = 5, .line = line, .hours = 2},
		{.job.priority = 5, .line = line, .hours = 3},
		{.job.priority = 0, .line = line, .hours = 4},
	};
	const struct parked_line ask[] = {{nobodys, 7}, {line, 2}}, more[] = {{line, 100}};
	struct parked_line told[2];
	struct db *db = l->w->worker;

	park(l, jobs, 4);
	record_run(db, parked_wake(db, ask, 2, on_woken, told));
	assert_true(id_equal(told[0].id, nobodys) && id_equal(told[1].id, line));
	assert_int_equal(told[0].n, 0);
	assert_int_equal(told[1].n, 2);
	assert_true(is_hours_ahead(l, &jobs[0], 1));
	assert_true(is_hours_ahead(l, &jobs[2], 3));
	record_run(db, parked_wake(db, more, 1, on_woken, told));
	assert_int_equal(told[0].n, 2); /* those that are due already are not called again */
	turn(l);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(state_of(l, &jobs[i]), JOB_QUEUED);
}

static void on_patched(void *ctx, enum err e, const struct job_changed *jobs, size_t n)
{
	*(enum err *)ctx = e;
}

/* promises: C12 */
static void test_a_parked_job_of_another_priority_keeps_its_line(void **state)
{
	struct led *l = *state;
	const struct id line = id_new(0);
	const struct job_patch urgent = {.has_priority = true, .priority = 0};
	struct parked jobs[] = {
		{.job.priority = 5, .line = line, .hours = 1},
		{.job.priority = 9, .line = line, .hours = 2},
	};
	struct db *db = l->w->producer;
	enum err e = ERR_INTERNAL;

	park(l, jobs, 2);
	record_run(db, job_patch(db, (struct job_key){jobs[1].job.tenant, jobs[1].job.job}, &urgent,
			       &record_actor, on_patched, &e));
	assert_int_equal(e, ERR_OK);
	assert_true(is_hours_ahead(l, &jobs[1], 2));
	turn(l);
	assert_int_equal(state_of(l, &jobs[1]), JOB_QUEUED);
	assert_true(is_hours_ahead(l, &jobs[0], 2));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, led_open, led_close)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_place_that_is_due_goes_to_the_best_rank_of_its_line),
		TEST(test_of_one_rank_the_older_goes_first_and_keeps_what_it_waited),
		TEST(test_the_first_of_a_line_are_called_before_their_time),
		TEST(test_a_parked_job_of_another_priority_keeps_its_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
