/* Every statement that changes a job's state, on a job in every state: it changes what the table of
 * edges (domain/job.h) allows and nothing else, also when a row was left behind that asks for it.
 * Against a real Postgres (LONGHAUL_TEST_PG). */
#include "domain/job.h"
#include "ground/err.h"
#include "stores/due.h"
#include "stores/epoch.h"
#include "stores/job_change.h"
#include "unit/core/stores/record_leader.h"

/* One job in one state, with a tenant, a queue and a worker of its own. */
struct cell {
	struct led *led;
	struct record_world *w;
	struct id tenant, me;
	int32_t queue;
	struct submit s;
	struct claim claim; /* the last one; made up while there was none */
};

/* ---- a job in a state ---- */

static void on_change(void *ctx, enum err e, const struct job_changed *jobs, size_t n)
{
	if (e != ERR_OK && e != ERR_CONFLICT)
		fail_msg("%s", err_code(e));
}

static struct job_key key_of(const struct cell *c)
{
	return (struct job_key){c->tenant, c->s.job};
}

static void cancel(struct cell *c)
{
	record_run(c->w->producer,
		job_cancel(c->w->producer, key_of(c), &record_actor, on_change, NULL));
}

static void finish(struct cell *c, enum finish_as as)
{
	struct finish f = record_finish_of(&c->claim);

	f.as = as;
	f.error = as == FINISH_COMPLETED ? ERR_OK : ERR_UP_500;
	f.waiting_for = as == FINISH_RETRY ? "retry" : as == FINISH_PARKED ? "limit" : NULL;
	f.delay_ms = 3600000;
	record_finish(c->w->worker, c->me, &f, 1);
}

static const struct way {
	bool later, claimed, cancelled, ended;
	enum finish_as as;
} WAYS[JOB_STATES] = {
	[JOB_WAITING] = {.later = true},
	[JOB_RUNNING] = {.claimed = true},
	[JOB_COMPLETED] = {.claimed = true, .ended = true, .as = FINISH_COMPLETED},
	[JOB_FAILED] = {.claimed = true, .ended = true, .as = FINISH_FAILED},
	[JOB_CANCELLED] = {.cancelled = true},
	[JOB_EXPIRED] = {.claimed = true, .ended = true, .as = FINISH_EXPIRED},
};

static enum job_state state_of(const struct cell *c)
{
	assert_int_equal(record_look(c->w, c->tenant, c->s.job), 1);
	return record_row.state;
}

static void put(struct cell *c, enum job_state state)
{
	const struct way *way = &WAYS[state];

	c->tenant = record_tenant(c->w->producer);
	c->queue = record_queue_new(c->w->producer);
	c->me = record_worker(c->w->worker);
	c->s = record_job(c->tenant, c->queue);
	c->s.run_at_ms = way->later ? clock_record_ms() + 3600000 : 0;
	record_submit(c->w->producer, &c->s, 1);
	c->claim = (struct claim){.tenant = c->tenant, .job = c->s.job};
	if (way->claimed) {
		const struct record_claims *got = record_claim(c->w->worker, c->me, c->queue, 1);

		assert_int_equal(got->n, 1);
		c->claim = got->claim[0];
	}
	if (way->ended)
		finish(c, way->as);
	if (way->cancelled)
		cancel(c);
	assert_int_equal(state_of(c), state);
}

/* ---- rows that were left behind ---- */

static void plant(struct cell *c, struct db *db, const struct db_stmt *stmt)
{
	struct db_args args;

	db_args_init(&args);
	db_arg_id(&args, c->tenant);
	db_arg_id(&args, c->me);
	assert_int_equal(db_begin(db, &c->tenant, 1), ERR_OK);
	db_query(db, stmt, &args);
	db_commit(db, record_ok, NULL);
	assert_int_equal(db_wait(db, RECORD_WAIT_MS), ERR_OK);
}

#define OF_CELL " where tenant_id = $1 and $2::uuid is not null"

static void plant_ready(struct cell *c)
{
	static const struct db_stmt rank = {
		.name = "edges_rank", .sql = "update job set rank = coalesce(rank, 1)" OF_CELL};
	static const struct db_stmt head = {.name = "edges_head",
		.sql = "insert into ready_head (tenant_id, queue_id) select tenant_id, queue_id from job" OF_CELL
		       " on conflict do nothing"};
	static const struct db_stmt ready = {.name = "edges_ready",
		.sql = "insert into job_ready (tenant_id, queue_id, rank, job_id)"
		       " select tenant_id, queue_id, rank, job_id from job" OF_CELL
		       " on conflict do nothing"};

	plant(c, c->w->producer, &rank);
	plant(c, c->w->producer, &head);
	plant(c, c->w->producer, &ready);
}

static void plant_ready_late(struct cell *c)
{
	static const struct db_stmt late = {.name = "edges_ready_late",
		.sql = "update job_ready set deadline_at = now() - interval '1 s'" OF_CELL};

	plant_ready(c);
	plant(c, c->w->producer, &late);
}

static void plant_due(struct cell *c)
{
	static const struct db_stmt due = {.name = "edges_due",
		.sql = "insert into job_due (tenant_id, job_id, queue_id, due_at)"
		       " select tenant_id, job_id, queue_id, now() - interval '1 s' from job" OF_CELL
		       " on conflict (tenant_id, job_id) do update set due_at = excluded.due_at"};

	plant(c, c->w->producer, &due);
}

/* A job that waits has one of them by right, and then the other would be in its way. */
static void plant_ready_or_due(struct cell *c)
{
	enum job_state state = state_of(c);

	if (state == JOB_QUEUED || state == JOB_WAITING)
		return;
	plant_ready(c);
	plant_due(c);
}

/* The lease of the job's last fence, and the job as if it were held. */
static void plant_lease(struct cell *c)
{
	static const struct db_stmt hold_it = {
		.name = "edges_hold", .sql = "update job set worker_id = $2 where tenant_id = $1"};
	static const struct db_stmt lease = {.name = "edges_lease",
		.sql = "insert into job_lease (worker_id, tenant_id, job_id, fence, event_from, event_to,"
		       " queue_id, number) select $2, tenant_id, job_id, fence, event_next,"
		       " event_next + 255, queue_id, 1 from job where tenant_id = $1"
		       " on conflict do nothing"};

	plant(c, c->w->worker, &hold_it);
	plant(c, c->w->worker, &lease);
	if (c->claim.event_from == 0)
		c->claim.event_from = record_row.event_next;
}

static void plant_lease_late(struct cell *c)
{
	static const struct db_stmt late = {.name = "edges_lease_late",
		.sql = "update job_lease set deadline_at = now() - interval '5 s'" OF_CELL};

	plant_lease(c);
	plant(c, c->w->worker, &late);
}

static void plant_run_at_ahead(struct cell *c)
{
	static const struct db_stmt ahead = {.name = "edges_run_at",
		.sql = "update job set run_at = now() + interval '1 hour'" OF_CELL};

	plant(c, c->w->producer, &ahead);
}

static void plant_crashes(struct cell *c)
{
	static const struct db_stmt twice = {
		.name = "edges_crashes", .sql = "update job set crashes = 2" OF_CELL};

	plant(c, c->w->worker, &twice);
}

/* ---- the statements ---- */

static void retry(struct cell *c)
{
	record_run(c->w->producer,
		job_retry(c->w->producer, key_of(c), &record_actor, on_change, NULL));
}

static void move_to(struct cell *c, int64_t run_at_ms)
{
	const struct job_patch patch = {.has_run_at = true, .run_at_ms = run_at_ms};

	record_run(c->w->producer,
		job_patch(c->w->producer, key_of(c), &patch, &record_actor, on_change, NULL));
}

static void patch_later(struct cell *c)
{
	move_to(c, clock_record_ms() + 3600000);
}

static void patch_now(struct cell *c)
{
	move_to(c, 0);
}

static void claim_directly(struct cell *c)
{
	(void)record_claim(c->w->worker, c->me, c->queue, 10);
}

static void claim_by_key(struct cell *c)
{
	struct record_claims got = {.n = 0};
	struct job_key key = key_of(c);

	record_run(
		c->w->worker, lease_claim_keys(c->w->worker, c->me, &key, 1, record_claimed, &got));
}

#define FINISH(name, as)                 \
	static void name(struct cell *c) \
	{                                \
		finish(c, as);           \
	}
FINISH(complete, FINISH_COMPLETED)
FINISH(fail_it, FINISH_FAILED)
FINISH(try_again, FINISH_RETRY)
FINISH(park, FINISH_PARKED)
FINISH(interrupt, FINISH_INTERRUPTED)
FINISH(expire, FINISH_EXPIRED)

static void try_once_too_often(struct cell *c)
{
	static const struct db_stmt spent = {
		.name = "edges_attempts", .sql = "update job set attempt = max_attempts" OF_CELL};

	plant(c, c->w->worker, &spent);
	finish(c, FINISH_RETRY);
}

static void on_work(void *ctx, enum err e, size_t n)
{
	assert_int_equal(e, ERR_OK);
}

#define LEAD(name, call)                                                                          \
	static void name(struct cell *c)                                                          \
	{                                                                                         \
		record_run(                                                                       \
			c->led->leader, call(c->led->leader, c->led->term, 1000, on_work, NULL)); \
	}
LEAD(make_due, due_move)
LEAD(expire_waiting, due_expire_waiting)
LEAD(expire_running, due_expire_running)

static void lose_worker(struct cell *c)
{
	(void)reap(c->led, c->me);
}

static void note_crash(struct cell *c, struct id worker)
{
	(void)state_of(c);
	(void)reborn(
		c->led, &(struct worker_crash){worker, c->tenant, c->s.job, record_row.fence}, 1);
}

static void lose_poisoned_worker(struct cell *c)
{
	plant_crashes(c);
	note_crash(c, c->me);
	(void)reap(c->led, c->me);
}

/* The note of a worker that was reaped before it said whom it blames. */
static void blame_late(struct cell *c)
{
	struct id dead = record_worker(c->w->worker);
	struct reap_report report;

	plant_crashes(c);
	(void)reap(c->led, dead);
	note_crash(c, dead);
	record_run(c->led->leader, reap_notes(c->led->leader, c->led->term, on_reap, &report));
}

static void on_pin(void *ctx, enum err e, const struct epoch *epoch)
{
	assert_int_equal(e, ERR_OK);
}

/* As if this server had been promoted since. */
static void promote(struct cell *c, bool rerun)
{
	static const char other[] = "update record_epoch set timeline = timeline + 1000000";
	struct db *owner = record_open(getenv("LONGHAUL_TEST_PG"), "longhaul_owner");

	record_run(c->w->worker, epoch_pin(c->w->worker, rerun, on_pin, NULL));
	assert_int_equal(db_script(owner, other, RECORD_WAIT_MS), ERR_OK);
	record_run(c->w->worker, epoch_pin(c->w->worker, rerun, on_pin, NULL));
	db_close(owner);
}

static void lose_history(struct cell *c)
{
	promote(c, false);
}

static void fail_over(struct cell *c)
{
	promote(c, true);
}

#define AT(state)   (1U << JOB_##state)
#define IN_PROGRESS (AT(QUEUED) | AT(WAITING) | AT(RUNNING))
#define REPEATABLE  (AT(FAILED) | AT(CANCELLED) | AT(EXPIRED))
static const struct statement {
	const char *name;
	void (*plant)(struct cell *c);
	void (*run)(struct cell *c);
	unsigned from; /* the states it is for */
	enum job_state to;
} STATEMENTS[] = {
	{"cancel", NULL, cancel, IN_PROGRESS, JOB_CANCELLED},
	{"retry", NULL, retry, REPEATABLE, JOB_QUEUED},
	{"retry, its time ahead", plant_run_at_ahead, retry, REPEATABLE, JOB_WAITING},
	{"patch to later", plant_ready_or_due, patch_later, AT(QUEUED) | AT(WAITING), JOB_WAITING},
	{"patch to now", plant_ready_or_due, patch_now, AT(QUEUED) | AT(WAITING), JOB_QUEUED},
	{"claim directly", plant_ready, claim_directly, AT(QUEUED), JOB_RUNNING},
	{"claim by key", plant_ready, claim_by_key, AT(QUEUED), JOB_RUNNING},
	{"finish: completed", plant_lease, complete, AT(RUNNING), JOB_COMPLETED},
	{"finish: failed", plant_lease, fail_it, AT(RUNNING), JOB_FAILED},
	{"finish: retry", plant_lease, try_again, AT(RUNNING), JOB_WAITING},
	{"finish: retry, exhausted", plant_lease, try_once_too_often, AT(RUNNING), JOB_FAILED},
	{"finish: parked", plant_lease, park, AT(RUNNING), JOB_WAITING},
	{"finish: interrupted", plant_lease, interrupt, AT(RUNNING), JOB_QUEUED},
	{"finish: expired", plant_lease, expire, AT(RUNNING), JOB_EXPIRED},
	{"due", plant_due, make_due, AT(WAITING), JOB_QUEUED},
	{"expire waiting", plant_ready_late, expire_waiting, AT(QUEUED), JOB_EXPIRED},
	{"expire running", plant_lease_late, expire_running, AT(RUNNING), JOB_EXPIRED},
	{"reap", plant_lease, lose_worker, AT(RUNNING), JOB_QUEUED},
	{"reap: poison", plant_lease, lose_poisoned_worker, AT(RUNNING), JOB_FAILED},
	{"reap: late note", plant_ready, blame_late, AT(QUEUED) | AT(RUNNING), JOB_FAILED},
	/* last: they end the leader's term */
	{"another history: review", plant_lease, lose_history, AT(RUNNING), JOB_WAITING},
	{"another history: run again", plant_lease, fail_over, AT(RUNNING), JOB_QUEUED},
};

/* Allowed, and taken by no statement of this release: a waiting job becomes queued first. */
static const enum job_state UNTAKEN[][2] = {{JOB_WAITING, JOB_FAILED}, {JOB_WAITING, JOB_EXPIRED}};

static bool is_untaken(enum job_state from, enum job_state to)
{
	for (size_t i = 0; i < sizeof(UNTAKEN) / sizeof(*UNTAKEN); i++)
		if (UNTAKEN[i][0] == from && UNTAKEN[i][1] == to)
			return true;
	return false;
}

/* What became of a job in from. */
static enum job_state try_statement(
	struct led *led, const struct statement *statement, enum job_state from)
{
	struct cell c = {.led = led, .w = led->w};
	enum job_state expected = (statement->from & 1U << from) != 0 ? statement->to : from;
	enum job_state became;

	put(&c, from);
	if (statement->plant != NULL)
		statement->plant(&c);
	statement->run(&c);
	became = state_of(&c);
	if (became != expected)
		fail_msg("%s: a %s job became %s", statement->name, job_state_text(from),
			job_state_text(became));
	return became;
}

/* promises: C2, C5, C7 */
static void test_statements_take_the_edges_of_the_table_and_no_others(void **state)
{
	bool taken[JOB_STATES][JOB_STATES] = {{false}};

	for (size_t i = 0; i < sizeof(STATEMENTS) / sizeof(*STATEMENTS); i++)
		for (unsigned from = 0; from < JOB_STATES; from++)
			taken[from][try_statement(*state, &STATEMENTS[i], from)] = true;
	for (unsigned from = 0; from < JOB_STATES; from++)
		for (unsigned to = 0; to < JOB_STATES; to++) {
			bool expected = job_state_may(from, to) && !is_untaken(from, to);

			if (from != to && taken[from][to] != expected)
				fail_msg("%s to %s: the table says %s", job_state_text(from),
					job_state_text(to), expected ? "yes" : "no");
		}
}

/* promises: C2 */
static void test_only_ended_jobs_are_deleted(void **state)
{
	struct led *led = *state;

	for (unsigned from = 0; from < JOB_STATES; from++) {
		struct cell c = {.led = led, .w = led->w};

		put(&c, from);
		record_run(c.w->producer,
			job_delete(c.w->producer, key_of(&c), &record_actor, on_change, NULL));
		assert_int_equal(
			record_look(c.w, c.tenant, c.s.job), job_state_terminal(from) ? 0 : 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_statements_take_the_edges_of_the_table_and_no_others, led_open,
			led_close),
		cmocka_unit_test_setup_teardown(
			test_only_ended_jobs_are_deleted, led_open, led_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
