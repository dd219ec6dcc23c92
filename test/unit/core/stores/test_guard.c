/* Who may see what, and how statements find it, against a real Postgres (LONGHAUL_TEST_PG). */
#include "unit/core/stores/record_world.h"

static void on_count(void *ctx, enum err e, const struct db_reply *reply)
{
	assert_int_equal(e, ERR_OK);
	*(int64_t *)ctx = db_int(db_reply_rows(reply, 0), 0, 0);
}

/* The first column of the first row. */
static int64_t count(struct db *db, const struct id *tenants, size_t n, const struct db_stmt *stmt)
{
	int64_t found = -1;

	assert_int_equal(db_begin(db, tenants, n), ERR_OK);
	db_query(db, stmt, NULL);
	db_commit(db, on_count, &found);
	assert_int_equal(db_wait(db, RECORD_WAIT_MS), ERR_OK);
	return found;
}

/* promises: C1 */
static void test_every_table_with_a_tenant_forces_row_security(void **state)
{
	static const struct db_stmt stmt = {.name = "test_forced",
		.sql = "select count(*) from pg_class c join pg_attribute a on a.attrelid = c.oid"
		       " where a.attname = 'tenant_id' and c.relkind in ('r', 'p')"
		       " and c.relnamespace = 'public'::regnamespace"
		       " and not (c.relrowsecurity and c.relforcerowsecurity)"};
	struct db *owner = record_open(getenv("LONGHAUL_TEST_PG"), "longhaul_owner");

	(void)state;
	assert_int_equal(count(owner, NULL, 0, &stmt), 0);
	db_close(owner);
}

/* promises: C1 */
static void test_programs_own_nothing_and_bypass_nothing(void **state)
{
	static const struct db_stmt stmt = {.name = "test_roles",
		.sql = "select (select count(*) from pg_class c join pg_roles r on r.oid = c.relowner"
		       "  where r.rolname in ('longhaul_producer', 'longhaul_worker', 'longhaul_scheduler'))"
		       " + (select count(*) from pg_roles where rolname like 'longhaul%' and"
		       "  (rolsuper or rolbypassrls))"};
	struct db *owner = record_open(getenv("LONGHAUL_TEST_PG"), "longhaul_owner");

	(void)state;
	assert_int_equal(count(owner, NULL, 0, &stmt), 0);
	db_close(owner);
}

/* promises: C1 */
static void test_a_transaction_sees_the_tenants_it_names(void **state)
{
	static const struct db_stmt jobs = {.name = "test_jobs", .sql = "select count(*) from job"};
	static const struct db_stmt inputs = {
		.name = "test_inputs", .sql = "select count(*) from job_input"};
	struct record_world *w = *state;
	struct id other = record_tenant(w->producer), both[2] = {w->tenant, other};
	struct submit s[3] = {record_job(w->tenant, w->queue), record_job(w->tenant, w->queue),
		record_job(other, w->queue)};

	record_submit(w->producer, s, 3);
	assert_int_equal(count(w->producer, NULL, 0, &jobs), 0);
	assert_int_equal(count(w->producer, &w->tenant, 1, &jobs), 2);
	assert_int_equal(count(w->producer, both, 2, &jobs), 3);
	assert_int_equal(count(w->producer, &other, 1, &inputs), 1);
	/* Workers see every job's row, and content only by name. */
	assert_true(count(w->worker, NULL, 0, &jobs) >= 3);
	assert_int_equal(count(w->worker, NULL, 0, &inputs), 0);
	assert_int_equal(count(w->worker, &other, 1, &inputs), 1);
}

static void on_refused(void *ctx, enum err e, const struct db_reply *reply)
{
	(void)reply;
	*(enum err *)ctx = e;
}

/* promises: C1 */
static void test_the_scheduler_reads_no_content(void **state)
{
	static const struct db_stmt content[] = {
		{.name = "test_c1", .sql = "select input from job_input limit 1"},
		{.name = "test_c2", .sql = "select body from job_result limit 1"},
		{.name = "test_c3", .sql = "select text from job_event limit 1"},
		{.name = "test_c4", .sql = "select message from attempt limit 1"},
		{.name = "test_c5", .sql = "select match_key from tenant_setting limit 1"},
	};
	const char *conninfo = getenv("LONGHAUL_TEST_PG");
	struct db *db;
	enum err e;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(content) / sizeof(content[0]); i++) {
		db = record_open(conninfo, "longhaul_scheduler");
		e = ERR_OK;
		assert_int_equal(db_begin(db, NULL, 0), ERR_OK);
		db_query(db, &content[i], NULL);
		db_commit(db, on_refused, &e);
		assert_int_equal(db_wait(db, RECORD_WAIT_MS), ERR_OK);
		assert_int_equal(e, ERR_DB);
		db_close(db);
	}
}

static const struct db_stmt flush_stats = {.name = "test_scans",
	.sql = "select pg_stat_force_next_flush()::text is null or"
	       " coalesce(sum(seq_scan), 0) >= 0 from pg_stat_user_tables"};

enum { HELD = 500, MORE = 40 };

static struct submit held_jobs[HELD + MORE];

/* A worker with its hands full, and MORE jobs that are ready. */
static void hold_many(struct record_world *w)
{
	int i;

	for (i = 0; i < HELD + MORE; i++)
		held_jobs[i] = record_job(w->tenant, w->queue);
	record_submit(w->producer, held_jobs, HELD);
	assert_int_equal(record_claim(w->worker, w->me, w->queue, HELD)->n, HELD);
	record_submit(w->producer, held_jobs + HELD, MORE);
}

/* How many leases have been looked at since the record was made. */
static int64_t leases_fetched(struct record_world *w)
{
	static const struct db_stmt fetched = {.name = "test_fetched",
		.sql = "select sum(idx_tup_fetch)::int8 from pg_stat_user_tables"
		       " where relname = 'job_lease'"};

	(void)count(w->worker, NULL, 0, &flush_stats);
	return count(w->worker, NULL, 0, &fetched);
}

/* promises: C16 */
static void test_a_claim_costs_the_same_however_much_its_worker_holds(void **state)
{
	struct record_world *w = *state;
	int64_t before;
	int i;

	hold_many(w);
	before = leases_fetched(w);
	for (i = 0; i < MORE; i++)
		assert_int_equal(record_claim(w->worker, w->me, w->queue, 1)->n, 1);
	assert_true(leases_fetched(w) - before < HELD * MORE / 4);
}

static void on_beat(void *ctx, enum err e, const struct worker_reply *reply)
{
	(void)ctx;
	(void)reply;
	assert_int_equal(e, ERR_OK);
}

/* promises: C16 */
static void test_a_beat_costs_the_same_however_much_its_worker_holds(void **state)
{
	struct worker_told told = {.upstream = "u", .model = "m"};
	const struct worker_pulse pulse = {.told = &told, .told_n = 1};
	struct record_world *w = *state;
	const struct claim *c;
	int64_t before;
	int i;

	hold_many(w);
	c = record_claim(w->worker, w->me, w->queue, 1)->claim;
	told.tenant = c->tenant;
	told.job = c->job;
	told.fence = c->fence;
	before = leases_fetched(w);
	for (i = 0; i < MORE; i++)
		record_run(w->worker, worker_beat(w->worker, w->me, &pulse, on_beat, NULL));
	assert_true(leases_fetched(w) - before < HELD * MORE / 4);
}

/* promises: C16 */
static void test_a_days_table_is_not_analyzed_at_each_round_that_fills_it(void **state)
{
	static const struct db_stmt hurried = {.name = "test_hurried",
		.sql = "select count(*) from pg_class where relkind = 'r' and relname ~ '_\\d{8}$'"
		       " and not coalesce('autovacuum_analyze_threshold=100000' = any(reloptions),"
		       " false)"};
	struct record_world *w = *state;

	assert_int_equal(count(w->worker, NULL, 0, &hurried), 0);
}

/* promises: C16 */
static void test_ten_thousand_jobs_after_idleness_are_found_by_index(void **state)
{
	static const struct db_stmt total = {.name = "test_total",
		.sql = "select sum(seq_tup_read)::int8 from pg_stat_user_tables"
		       " where relname in ('job', 'job_ready', 'job_lease')"};
	enum { JOBS = 10000, BATCH = 500 };
	struct record_world *w = *state;
	static struct submit jobs[BATCH];
	static struct finish ends[BATCH];
	struct record_claims *got;
	size_t done = 0, i, n;
	int64_t before;

	/* Plans are made while this queue is empty. */
	assert_int_equal(record_claim(w->worker, w->me, w->queue, BATCH)->n, 0);
	for (n = 0; n < JOBS; n += BATCH) {
		for (i = 0; i < BATCH; i++)
			jobs[i] = record_job(w->tenant, w->queue);
		record_submit(w->producer, jobs, BATCH);
	}
	(void)count(w->worker, NULL, 0, &flush_stats);
	before = count(w->worker, NULL, 0, &total);
	while (done < JOBS) {
		got = record_claim(w->worker, w->me, w->queue, BATCH);
		assert_true(got->n > 0);
		for (i = 0; i < got->n; i++)
			ends[i] = record_finish_of(&got->claim[i]);
		record_finish(w->worker, w->me, ends, got->n);
		done += got->n;
	}
	(void)count(w->worker, NULL, 0, &flush_stats);
	assert_int_equal(record_claim(w->worker, w->me, w->queue, BATCH)->n, 0);
	/* One walk through the rows in sequence would have read thousands. */
	assert_true(count(w->worker, NULL, 0, &total) - before < JOBS / 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, record_world_open, record_world_close)
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_table_with_a_tenant_forces_row_security),
		cmocka_unit_test(test_programs_own_nothing_and_bypass_nothing),
		TEST(test_a_transaction_sees_the_tenants_it_names),
		cmocka_unit_test(test_the_scheduler_reads_no_content),
		TEST(test_a_claim_costs_the_same_however_much_its_worker_holds),
		TEST(test_a_beat_costs_the_same_however_much_its_worker_holds),
		TEST(test_a_days_table_is_not_analyzed_at_each_round_that_fills_it),
		TEST(test_ten_thousand_jobs_after_idleness_are_found_by_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
