/* A job's row is changed by another while a statement waits for it: what the statement does beside
 * it must hold for the job as it is then. */
#include "stores/due.h"
#include "unit/core/stores/record_leader.h"

/* Another's change of the job, open until it is let go: it waits for the key. */
struct other {
	struct db *key, *change;
	struct id tenant, job;
	int64_t number;
};

static void number_args(struct db_args *args, const struct other *o)
{
	db_args_init(args);
	db_arg_int8(args, o->number);
}

static void key_turn(struct other *o, const struct db_stmt *stmt)
{
	struct db_args args;

	assert_int_equal(db_begin(o->key, NULL, 0), ERR_OK);
	number_args(&args, o);
	db_query(o->key, stmt, &args);
	db_commit(o->key, record_ok, NULL);
	assert_int_equal(db_wait(o->key, RECORD_WAIT_MS), ERR_OK);
}

static void on_count(void *ctx, enum err e, const struct db_reply *reply)
{
	assert_int_equal(e, ERR_OK);
	*(int64_t *)ctx = db_int(db_reply_rows(reply, 0), 0, 0);
}

static int64_t count(struct other *o, const struct db_stmt *stmt)
{
	struct db_args args;
	int64_t n = -1;

	assert_int_equal(db_begin(o->key, NULL, 0), ERR_OK);
	number_args(&args, o);
	db_query(o->key, stmt, &args);
	db_commit(o->key, on_count, &n);
	assert_int_equal(db_wait(o->key, RECORD_WAIT_MS), ERR_OK);
	return n;
}

/* Who waits for the key, and who waits for those. */
#define FOR_THE_KEY                                                             \
	"(select pid from pg_locks where locktype = 'advisory' and not granted" \
	" and (classid::bigint << 32) | objid::bigint = $1)"
static const struct db_stmt CHANGED = {
	.name = "other_changed", .sql = "select count(*) from " FOR_THE_KEY " p", .reads = true};
static const struct db_stmt OVERTAKEN = {.name = "other_overtaken",
	.sql = "select count(*) from pg_locks w cross join pg_locks h where not w.granted"
	       " and h.granted and w.transactionid = h.transactionid and h.pid in " FOR_THE_KEY,
	.reads = true};

static void other_begin(struct other *o, struct id tenant, struct id job)
{
	static const struct db_stmt shut = {
		.name = "other_shut", .sql = "select pg_advisory_lock($1)"};
	static const struct db_stmt change = {.name = "other_change",
		.sql = "update job set cost_nano = cost_nano + 1 where tenant_id = $1 and job_id = $2"};
	static const struct db_stmt hold = {
		.name = "other_hold", .sql = "select pg_advisory_xact_lock($1)"};
	const char *conninfo = getenv("LONGHAUL_TEST_PG");
	struct db_args args;

	*o = (struct other){record_open(conninfo, "longhaul_worker"),
		record_open(conninfo, "longhaul_worker"), tenant, job, 0};
	memcpy(&o->number, &job.bytes[8], sizeof o->number);
	o->number &= INT64_MAX;
	key_turn(o, &shut);
	assert_int_equal(db_begin(o->change, &o->tenant, 1), ERR_OK);
	db_args_init(&args);
	db_arg_id(&args, o->tenant);
	db_arg_id(&args, o->job);
	db_query(o->change, &change, &args);
	number_args(&args, o);
	db_query(o->change, &hold, &args);
	db_commit(o->change, record_ok, NULL);
	do
		assert_int_equal(db_turn(o->change, 0), ERR_OK);
	while (count(o, &CHANGED) == 0);
}

/* Once db's statement waits for the change, the change is committed, and both end. */
static void other_end(struct other *o, struct db *db)
{
	static const struct db_stmt open = {
		.name = "other_open", .sql = "select pg_advisory_unlock($1)"};

	do
		assert_int_equal(db_turn(db, 0), ERR_OK);
	while (db_pending(db) > 0 && count(o, &OVERTAKEN) == 0);
	assert_true(db_pending(db) > 0);
	key_turn(o, &open);
	assert_int_equal(db_wait(o->change, RECORD_WAIT_MS), ERR_OK);
	assert_int_equal(db_wait(db, RECORD_WAIT_MS), ERR_OK);
	db_close(o->change);
	db_close(o->key);
}

static struct submit submitted(struct led *l)
{
	struct submit s = record_job(l->w->tenant, l->w->queue);

	record_submit(l->w->producer, &s, 1);
	return s;
}

static enum job_state state_of(struct led *l, const struct submit *s)
{
	assert_int_equal(record_look(l->w, s->tenant, s->job), 1);
	return record_row.state;
}

static void on_told(void *ctx, enum err e, size_t n)
{
	(void)n;
	*(enum err *)ctx = e;
}

/* promises: C7, C16 */
static void test_a_direct_claim_takes_the_job(void **state)
{
	struct led *l = *state;
	struct claim_direct ask = {.queues = &l->w->queue, .queues_n = 1, .max = 10};
	struct submit s = submitted(l);
	struct record_claims got = {0};
	struct other other;

	other_begin(&other, s.tenant, s.job);
	assert_int_equal(
		lease_claim_direct(l->w->worker, l->w->me, &ask, record_claimed_direct, &got),
		ERR_OK);
	other_end(&other, l->w->worker);
	assert_int_equal(got.n, 1);
	assert_int_equal(state_of(l, &s), JOB_RUNNING);
}

/* promises: C7, C16 */
static void test_a_messages_claim_takes_the_job(void **state)
{
	struct led *l = *state;
	struct submit s = submitted(l);
	const struct job_key key = {s.tenant, s.job};
	struct record_claims got = {0};
	struct other other;

	other_begin(&other, s.tenant, s.job);
	assert_int_equal(
		lease_claim_keys(l->w->worker, l->w->me, &key, 1, record_claimed, &got), ERR_OK);
	other_end(&other, l->w->worker);
	assert_int_equal(got.n, 1);
	assert_int_equal(state_of(l, &s), JOB_RUNNING);
}

/* promises: C7 */
static void test_an_end_is_written(void **state)
{
	struct led *l = *state;
	struct submit s = submitted(l);
	struct record_claims *got = record_claim(l->w->worker, l->w->me, l->w->queue, 10);
	struct finish end, *ends[] = {&end};
	enum err e = ERR_INTERNAL;
	struct other other;

	assert_int_equal(got->n, 1);
	end = record_finish_of(&got->claim[0]);
	other_begin(&other, s.tenant, s.job);
	assert_int_equal(
		finish_batch(l->w->worker, l->w->me, ends, 1, record_finished, &e), ERR_OK);
	other_end(&other, l->w->worker);
	assert_int_equal(e, ERR_OK);
	assert_int_equal(end.outcome, ERR_OK);
	assert_int_equal(state_of(l, &s), JOB_COMPLETED);
}

/* promises: C5, C7 */
static void test_a_due_job_becomes_ready(void **state)
{
	static const struct db_stmt due = {.name = "test_overtaken_due",
		.sql = "update job_due set due_at = now() - interval '1 s' where tenant_id ="
		       " any(string_to_array(current_setting('app.tenants'), ',')::uuid[])"};
	struct led *l = *state;
	struct submit s = record_job(l->w->tenant, l->w->queue);
	enum err e = ERR_INTERNAL;
	struct other other;

	s.run_at_ms = clock_record_ms() + 3600000;
	record_submit(l->w->producer, &s, 1);
	record_sql(l->w->producer, &l->w->tenant, &due);
	other_begin(&other, s.tenant, s.job);
	assert_int_equal(due_move(l->leader, l->term, 1000, on_told, &e), ERR_OK);
	other_end(&other, l->leader);
	assert_int_equal(e, ERR_OK);
	assert_int_equal(state_of(l, &s), JOB_QUEUED);
	assert_int_equal(record_claim(l->w->worker, l->w->me, l->w->queue, 10)->n, 1);
}

/* promises: C5, C7 */
static void test_a_late_job_expires(void **state)
{
	static const struct db_stmt late = {.name = "test_overtaken_late",
		.sql = "update job_ready set deadline_at = now() - interval '1 s' where tenant_id ="
		       " any(string_to_array(current_setting('app.tenants'), ',')::uuid[])"};
	struct led *l = *state;
	struct submit s = record_job(l->w->tenant, l->w->queue);
	enum err e = ERR_INTERNAL;
	struct other other;

	s.deadline_s = 60;
	record_submit(l->w->producer, &s, 1);
	record_sql(l->w->producer, &l->w->tenant, &late);
	other_begin(&other, s.tenant, s.job);
	assert_int_equal(due_expire_waiting(l->leader, l->term, 1000, on_told, &e), ERR_OK);
	other_end(&other, l->leader);
	assert_int_equal(e, ERR_OK);
	assert_int_equal(state_of(l, &s), JOB_EXPIRED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_a_direct_claim_takes_the_job, led_open, led_close),
		cmocka_unit_test_setup_teardown(
			test_a_messages_claim_takes_the_job, led_open, led_close),
		cmocka_unit_test_setup_teardown(test_an_end_is_written, led_open, led_close),
		cmocka_unit_test_setup_teardown(test_a_due_job_becomes_ready, led_open, led_close),
		cmocka_unit_test_setup_teardown(test_a_late_job_expires, led_open, led_close),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
