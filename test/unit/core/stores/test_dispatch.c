/* Dispatch: windows, batches, heads, grants, depths (LONGHAUL_TEST_PG). */
#include "stores/dispatch.h"
#include "unit/core/stores/record_leader.h"

struct told {
	enum err e;
	size_t n;
};

static void on_work(void *ctx, enum err e, size_t n)
{
	*(struct told *)ctx = (struct told){e, n};
}

struct picked {
	size_t n;
	struct job_key key[100];
};

static void on_pick(void *ctx, enum err e, const struct dispatch_picked *picked)
{
	struct picked *p = ctx;

	assert_int_equal(e, ERR_OK);
	p->n = picked->n;
	if (picked->n > 0)
		memcpy(p->key, picked->keys, picked->n * sizeof(*picked->keys));
}

static struct picked pick(struct led *l, struct id batch, size_t max)
{
	struct dispatch_ask ask = {.queue_id = l->w->queue, .batch = batch, .max = max};
	struct picked p = {0};

	record_run(l->leader, dispatch_pick(l->leader, l->term, &ask, on_pick, &p));
	return p;
}

static void submit_n(struct led *l, size_t n)
{
	struct submit jobs[50];
	size_t i;

	for (i = 0; i < n; i++)
		jobs[i] = record_job(l->w->tenant, l->w->queue);
	record_submit(l->w->producer, jobs, n);
}

struct opened {
	struct id batch;
	bool found;
	int32_t jobs;
};

static void on_open(void *ctx, enum err e, const struct dispatch_batch *batches, size_t n)
{
	struct opened *o = ctx;
	size_t i;

	assert_int_equal(e, ERR_OK);
	o->found = false;
	for (i = 0; i < n; i++)
		if (id_equal(batches[i].id, o->batch)) {
			o->found = true;
			o->jobs = batches[i].jobs;
		}
}

static struct opened open_batch(struct led *l, struct id batch)
{
	struct opened o = {.batch = batch};

	record_run(l->leader, dispatch_open(l->leader, l->term, 0, 1000, on_open, &o));
	return o;
}

/* promises: C16 */
static void test_a_job_is_sent_once_until_its_batch_is_lost(void **state)
{
	struct led *l = *state;
	struct id batch = id_new(0);
	struct dispatch_batch sent = {.id = batch, .topic = "t", .partition = 3, .offset = 9};
	struct told told;

	submit_n(l, 10);
	assert_int_equal(pick(l, batch, 6).n, 6);
	assert_int_equal(pick(l, id_new(0), 100).n, 4);
	assert_int_equal(pick(l, id_new(0), 100).n, 0);
	record_run(l->leader, dispatch_sent(l->leader, &sent, 1, record_ok, NULL));
	assert_true(open_batch(l, batch).found);
	assert_int_equal(open_batch(l, batch).jobs, 6);
	record_run(l->leader, dispatch_undo(l->leader, l->term, &batch, 1, on_work, &told));
	assert_int_equal(told.e, ERR_OK);
	assert_int_equal(told.n, 6);
	assert_false(open_batch(l, batch).found);
	assert_int_equal(pick(l, id_new(0), 100).n, 6);
}

/* What a transaction of ours waits for as long as the leader's session has it. */
#define GATE_KEY "20261127"

static void on_waiting(void *ctx, enum err e, const struct db_reply *reply)
{
	assert_int_equal(e, ERR_OK);
	*(bool *)ctx = db_rows_n(db_reply_rows(reply, 0)) > 0;
}

static bool one_waits_at_the_gate(struct led *l)
{
	static const struct db_stmt look = {.name = "test_gate_look",
		.sql = "select 1 from pg_locks where locktype = 'advisory' and not granted"
		       " and objid = " GATE_KEY};
	bool waits = false;

	assert_int_equal(db_begin(l->leader, NULL, 0), ERR_OK);
	db_query(l->leader, &look, NULL);
	db_commit(l->leader, on_waiting, &waits);
	assert_int_equal(db_wait(l->leader, RECORD_WAIT_MS), ERR_OK);
	return waits;
}

/* Keeps the transaction that was begun on its row until the gate opens. */
static void hold_open(struct led *l)
{
	static const struct db_stmt shut = {
		.name = "test_gate_shut", .sql = "select 1 from pg_advisory_lock(" GATE_KEY ")"};
	static const struct db_stmt pass = {.name = "test_gate_pass",
		.sql = "select 1 from pg_advisory_xact_lock(" GATE_KEY ")"};

	record_sql(l->leader, NULL, &shut);
	db_query(l->w->worker, &pass, NULL);
	db_commit(l->w->worker, record_ok, NULL);
	while (!one_waits_at_the_gate(l))
		assert_int_equal(db_turn(l->w->worker, 10), ERR_OK);
}

static void gate_open(struct led *l)
{
	static const struct db_stmt open = {
		.name = "test_gate_open", .sql = "select 1 from pg_advisory_unlock(" GATE_KEY ")"};

	record_sql(l->leader, NULL, &open);
}

/* promises: C16 */
static void test_a_lost_batch_stays_open_while_another_holds_one_of_its_jobs(void **state)
{
	static struct db_stmt hold = {.name = "test_hold"};
	static char sql[160];
	struct led *l = *state;
	struct id batch = id_new(0);
	struct told told;

	submit_n(l, 3);
	assert_int_equal(pick(l, batch, 3).n, 3);
	snprintf(sql, sizeof(sql), "select 1 from job_ready where queue_id = %d limit 1 for update",
		l->w->queue);
	hold.sql = sql;
	/* the claim's transaction is open while the leader takes the batch back */
	assert_int_equal(db_begin(l->w->worker, NULL, 0), ERR_OK);
	db_query(l->w->worker, &hold, NULL);
	hold_open(l);
	record_run(l->leader, dispatch_undo(l->leader, l->term, &batch, 1, on_work, &told));
	assert_int_equal(told.n, 2);
	gate_open(l);
	assert_int_equal(db_wait(l->w->worker, RECORD_WAIT_MS), ERR_OK);
	assert_true(open_batch(l, batch).found);
	record_run(l->leader, dispatch_undo(l->leader, l->term, &batch, 1, on_work, &told));
	assert_int_equal(told.n, 1);
	assert_false(open_batch(l, batch).found);
	assert_int_equal(pick(l, id_new(0), 10).n, 3);
}

/* A claim of this job, in the transaction that the worker's session has begun. */
static void claim_begun(struct led *l, struct id job)
{
	static struct db_stmt claim = {.name = "test_claim_begun"};
	static char sql[300];
	char worker[ID_UUID_MAX], tenant[ID_UUID_MAX], key[ID_UUID_MAX];

	id_uuid(l->w->me, worker);
	id_uuid(l->w->tenant, tenant);
	id_uuid(job, key);
	snprintf(sql, sizeof(sql), "execute lease_claim_keys('%s', '{%s}', '{%s}')", worker, tenant,
		key);
	claim.sql = sql;
	assert_int_equal(db_begin(l->w->worker, NULL, 0), ERR_OK);
	db_query(l->w->worker, &claim, NULL);
}

static size_t grant(struct led *l, int32_t slots)
{
	const struct dispatch_grant grant = {l->w->me, l->w->queue, slots};
	struct told told;

	record_run(l->leader, dispatch_grants(l->leader, l->term, &grant, 1, on_work, &told));
	assert_int_equal(told.e, ERR_OK);
	return told.n;
}

struct own_share {
	struct id worker;
	int32_t queue, held, granted;
};

static void on_own_share(void *ctx, enum err e, const struct dispatch_share *shares, size_t n)
{
	struct own_share *own = ctx;

	assert_int_equal(e, ERR_OK);
	for (size_t i = 0; i < n; i++) {
		if (shares[i].queue_id != own->queue || !id_equal(shares[i].worker, own->worker))
			continue;
		own->held = shares[i].held;
		own->granted = shares[i].granted;
	}
}

static void capped_queue(struct led *l)
{
	char name[ID_UUID_MAX];

	id_uuid(id_new(0), name);
	l->w->queue = record_queue(l->w->producer,
		&(struct queue_change){.name = name, .has_concurrency = true, .concurrency = 2});
}

/* What was taken from one worker is another's at once: no claim may be filling it still. And the
 * leader waits for no worker. promises: C15 */
static void test_no_grant_is_taken_back_from_a_claim_under_way(void **state)
{
	struct led *l = *state;
	struct own_share own = {.worker = l->w->me};
	struct record_claims none;
	struct submit job;

	capped_queue(l);
	own.queue = l->w->queue;
	job = record_job(l->w->tenant, l->w->queue);
	assert_int_equal(grant(l, 2), 1);
	record_run(l->w->worker,
		lease_claim_keys(l->w->worker, l->w->me, &(struct job_key){l->w->tenant, id_new(0)},
			1, record_claimed, &none));
	record_submit(l->w->producer, &job, 1);
	claim_begun(l, job.job);
	hold_open(l);
	assert_int_equal(grant(l, 0), 0);
	gate_open(l);
	assert_int_equal(db_wait(l->w->worker, RECORD_WAIT_MS), ERR_OK);
	record_run(l->leader, dispatch_shares(l->leader, on_own_share, &own));
	assert_int_equal(own.held, 1);
	assert_int_equal(own.granted, 2);
	assert_int_equal(grant(l, 0), 1);
}

/* promises: C16 */
static void test_what_was_claimed_is_on_its_way_no_longer(void **state)
{
	struct led *l = *state;
	struct id batch = id_new(0);

	submit_n(l, 5);
	assert_int_equal(pick(l, batch, 10).n, 5);
	assert_int_equal(record_claim(l->w->worker, l->w->me, l->w->queue, 10)->n, 5);
	assert_false(open_batch(l, batch).found);
}

/* promises: C16 */
static void test_a_missing_head_is_put_back(void **state)
{
	static struct db_stmt drop = {.name = "test_drop_heads"};
	static char sql[120];
	struct led *l = *state;
	struct told told;

	submit_n(l, 3);
	snprintf(sql, sizeof(sql), "delete from ready_head where queue_id = %d", l->w->queue);
	drop.sql = sql;
	record_sql(l->leader, NULL, &drop);
	assert_int_equal(record_claim(l->w->worker, l->w->me, l->w->queue, 10)->n, 0);
	record_run(l->leader, dispatch_heads(l->leader, l->term, on_work, &told));
	assert_int_equal(told.e, ERR_OK);
	assert_int_equal(record_claim(l->w->worker, l->w->me, l->w->queue, 10)->n, 3);
}

static void on_queues(void *ctx, enum err e, const struct queue *queues, size_t n)
{
	struct queue *want = ctx;
	size_t i;

	assert_int_equal(e, ERR_OK);
	for (i = 0; i < n; i++)
		if (queues[i].id == want->id) {
			*want = queues[i];
			return;
		}
	fail_msg("the queue is not listed");
}

/* promises: C15 */
static void test_depths_are_counted_and_allotments_told(void **state)
{
	struct led *l = *state;
	struct dispatch_flow flow = {.queue_id = l->w->queue, .free_slots = 7, .allot = 5};
	struct queue q = {.id = l->w->queue};
	struct told told;

	submit_n(l, 4);
	assert_int_equal(record_claim(l->w->worker, l->w->me, l->w->queue, 1)->n, 1);
	record_run(l->leader, dispatch_count(l->leader, l->term, on_work, &told));
	assert_int_equal(told.e, ERR_OK);
	record_run(l->leader, dispatch_flow(l->leader, l->term, &flow, 1, on_work, &told));
	record_run(l->w->producer, queue_list(l->w->producer, on_queues, &q));
	assert_int_equal(q.queued, 3);
	assert_int_equal(q.running, 1);
	assert_int_equal(q.allot, 5);
	assert_int_equal(q.free_slots, 7);
	assert_true(q.oldest_ms > 0);
}

/* A queue where no more than three may wait. */
static int32_t queue_of_three(struct led *l)
{
	struct queue_change change = {.has_max_queued = true, .max_queued = 3};
	char name[ID_UUID_MAX];

	id_uuid(id_new(0), name);
	change.name = name;
	return record_queue(l->w->producer, &change);
}

/* promises: C1 */
static void test_a_full_queue_refuses(void **state)
{
	struct led *l = *state;
	const int32_t queue = queue_of_three(l);
	struct told told;
	struct submit s;
	int32_t i;

	for (i = 0; i < 3; i++) {
		s = record_job(l->w->tenant, queue);
		record_submit(l->w->producer, &s, 1);
		assert_int_equal(s.outcome, ERR_OK);
	}
	record_run(l->leader, dispatch_count(l->leader, l->term, on_work, &told));
	s = record_job(l->w->tenant, queue);
	record_submit(l->w->producer, &s, 1);
	assert_int_equal(s.outcome, ERR_QUEUE_FULL);
}

/* promises: C1, C12 */
static void test_jobs_that_wait_count_for_their_queues_cap(void **state)
{
	struct led *l = *state;
	const int32_t queue = queue_of_three(l);
	struct told told;
	struct submit s;
	int32_t i;

	for (i = 0; i <= 3; i++) {
		s = record_job(l->w->tenant, queue);
		s.run_at_ms = clock_record_ms() + 3600000;
		record_submit(l->w->producer, &s, 1);
		assert_int_equal(s.outcome, i < 3 ? ERR_OK : ERR_QUEUE_FULL);
		record_run(l->leader, dispatch_count(l->leader, l->term, on_work, &told));
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, led_open, led_close)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_job_is_sent_once_until_its_batch_is_lost),
		TEST(test_a_lost_batch_stays_open_while_another_holds_one_of_its_jobs),
		TEST(test_no_grant_is_taken_back_from_a_claim_under_way),
		TEST(test_what_was_claimed_is_on_its_way_no_longer),
		TEST(test_a_missing_head_is_put_back),
		TEST(test_depths_are_counted_and_allotments_told),
		TEST(test_a_full_queue_refuses),
		TEST(test_jobs_that_wait_count_for_their_queues_cap),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
