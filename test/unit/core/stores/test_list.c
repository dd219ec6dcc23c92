/* Lists, filters and searches, against a real Postgres (LONGHAUL_TEST_PG). */
#include "stores/job_list.h"
#include "unit/core/stores/record_world.h"

enum { JOBS = 12 };

struct listed {
	size_t n;
	struct id job[100];
	char subject[100];
};

static void on_list(void *ctx, enum err e, const struct job_row *rows, size_t n)
{
	struct listed *l = ctx;
	size_t i;

	assert_int_equal(e, ERR_OK);
	l->n = n;
	for (i = 0; i < n; i++)
		l->job[i] = rows[i].job;
	snprintf(l->subject, sizeof(l->subject), "%.*s", n > 0 ? (int)rows[0].subject.len : 0,
		n > 0 && rows[0].subject.len > 0 ? (const char *)rows[0].subject.bytes : "");
}

static struct listed list(struct record_world *w, const struct job_page *page)
{
	struct listed l = {0};

	record_run(w->producer, job_list(w->producer, page, on_list, &l));
	return l;
}

static void on_count(void *ctx, enum err e, int64_t n)
{
	assert_int_equal(e, ERR_OK);
	*(int64_t *)ctx = n;
}

static int64_t counted(struct record_world *w, const struct job_filter *filter)
{
	int64_t n = -1;

	record_run(w->producer, job_count(w->producer, filter, on_count, &n));
	return n;
}

static void fill(struct record_world *w, struct submit jobs[JOBS])
{
	size_t i;

	for (i = 0; i < JOBS; i++) {
		jobs[i] = record_job(w->tenant, w->queue);
		jobs[i].subject = (struct db_bytes){"who", 3};
		jobs[i].model = i % 2 ? "even" : "odd";
		if (i % 3 == 0) {
			jobs[i].hashes_n = 2;
			memset(jobs[i].hashes[0], 'a', SUBMIT_HASH_BYTES);
			memset(jobs[i].hashes[1], i % 2 ? 'b' : 'c', SUBMIT_HASH_BYTES);
		}
	}
	record_submit(w->producer, jobs, JOBS);
}

/* promises: C2 */
static void test_pages_come_newest_first_and_join(void **state)
{
	struct record_world *w = *state;
	struct job_page page = {.filter = {.tenant = w->tenant, .dead = -1}, .limit = 5};
	struct submit jobs[JOBS];
	struct listed l;
	size_t seen = 0, i;

	fill(w, jobs);
	do {
		l = list(w, &page);
		for (i = 0; i < l.n; i++)
			assert_true(id_equal(l.job[i], jobs[JOBS - 1 - seen++].job));
		if (l.n > 0)
			page.after = l.job[l.n - 1];
	} while (l.n > 0);
	assert_int_equal(seen, JOBS);
}

/* promises: C2 */
static void test_filters_and_labels(void **state)
{
	struct record_world *w = *state;
	struct job_page page = {.filter = {.tenant = w->tenant, .dead = -1, .model = "even"},
		.limit = 50,
		.what = JOB_READ_LABELS};
	struct submit jobs[JOBS];
	struct listed l;

	fill(w, jobs);
	l = list(w, &page);
	assert_int_equal(l.n, JOBS / 2);
	assert_int_equal(counted(w, &page.filter), JOBS / 2);
	assert_string_equal(l.subject, "who");
	page.filter.states = 1 << JOB_QUEUED | 1 << JOB_RUNNING;
	assert_int_equal(list(w, &page).n, JOBS / 2);
	page.filter.states = 1 << JOB_WAITING;
	assert_int_equal(list(w, &page).n, 0);
	page.filter.states = 0;
	page.filter.created_after_ms = clock_record_ms() + 60000;
	assert_int_equal(list(w, &page).n, 0);
	page.filter.created_after_ms = 0;
	page.filter.created_before_ms = clock_record_ms() + 60000;
	assert_int_equal(list(w, &page).n, JOBS / 2);
	page.filter.queue_id = w->queue + 1;
	assert_int_equal(list(w, &page).n, 0);
	page.filter = (struct job_filter){.tenant = record_tenant(w->producer), .dead = -1};
	assert_int_equal(list(w, &page).n, 0);
}

/* promises: C2 */
static void test_a_search_needs_every_hash(void **state)
{
	struct record_world *w = *state;
	uint8_t hashes[2][16];
	struct job_page page = {.filter = {.tenant = w->tenant,
					.dead = -1,
					.hashes_n = 1,
					.hashes = (const void *)hashes},
		.limit = 50};
	struct submit jobs[JOBS];

	fill(w, jobs);
	memset(hashes[0], 'a', 16);
	memset(hashes[1], 'b', 16);
	assert_int_equal(list(w, &page).n, 4);
	assert_int_equal(counted(w, &page.filter), 4);
	page.filter.hashes_n = 2;
	assert_int_equal(list(w, &page).n, 2);
	page.what = JOB_READ_LABELS;
	assert_int_equal(list(w, &page).n, 2);
	memset(hashes[1], 'z', 16);
	assert_int_equal(list(w, &page).n, 0);
}

/* ---- what has not ended, among much that has ---- */

static const struct db_stmt told_stmt = {
	.name = "test_told", .sql = "select pg_stat_force_next_flush()::text is null"};
static const struct db_stmt fetched_stmt = {.name = "test_fetched",
	.sql = "select sum(idx_tup_fetch + seq_tup_read)::int8 from pg_stat_user_tables"
	       " where relname = 'job'"};

static void on_number(void *ctx, enum err e, const struct db_reply *reply)
{
	assert_int_equal(e, ERR_OK);
	*(int64_t *)ctx = db_int(db_reply_rows(reply, 0), 0, 0);
}

static int64_t number(struct db *db, const struct db_stmt *stmt)
{
	int64_t n = 0;

	assert_int_equal(db_begin(db, NULL, 0), ERR_OK);
	db_query(db, stmt, NULL);
	db_commit(db, on_number, &n);
	assert_int_equal(db_wait(db, RECORD_WAIT_MS), ERR_OK);
	return n;
}

/* Rows of job that were read so far, by this test's connections at least. */
static int64_t fetched(struct record_world *w)
{
	(void)number(w->worker, &told_stmt);
	(void)number(w->producer, &told_stmt);
	return number(w->producer, &fetched_stmt);
}

static void end_many(struct record_world *w, size_t n)
{
	enum { BATCH = 500 };
	static struct submit jobs[BATCH];
	static struct finish ends[BATCH];
	const struct record_claims *got;
	size_t i, done;

	for (done = 0; done < n; done += got->n) {
		if (done % BATCH == 0) {
			for (i = 0; i < BATCH; i++)
				jobs[i] = record_job(w->tenant, w->queue);
			record_submit(w->producer, jobs, BATCH);
		}
		got = record_claim(w->worker, w->me, w->queue, BATCH);
		assert_true(got->n > 0);
		for (i = 0; i < got->n; i++)
			ends[i] = record_finish_of(&got->claim[i]);
		record_finish(w->worker, w->me, ends, got->n);
	}
}

/* Three jobs, all older than many that ended: one that runs, one that waits, one that is queued. */
static void leave_three(struct record_world *w, struct id ret_jobs[3])
{
	struct submit s = record_job(w->tenant, w->queue);

	record_submit(w->producer, &s, 1);
	assert_int_equal(record_claim(w->worker, w->me, w->queue, 1)->n, 1);
	ret_jobs[0] = s.job;
	s = record_job(w->tenant, w->queue);
	s.run_at_ms = clock_record_ms() + 3600000;
	record_submit(w->producer, &s, 1);
	ret_jobs[1] = s.job;
	s = record_job(w->tenant, record_queue_new(w->producer));
	record_submit(w->producer, &s, 1);
	ret_jobs[2] = s.job;
}

/* promises: C2, C16 */
static void test_what_has_not_ended_is_found_among_much_that_has(void **state)
{
	static const struct {
		int states;
		size_t n, first;
	} asked[] = {{1 << JOB_RUNNING, 1, 0}, {1 << JOB_WAITING, 1, 1}, {1 << JOB_QUEUED, 1, 2},
		{1 << JOB_QUEUED | 1 << JOB_WAITING, 2, 2},
		{1 << JOB_QUEUED | 1 << JOB_WAITING | 1 << JOB_RUNNING, 3, 2}};
	enum { ENDED = 4000, ROUNDS = sizeof(asked) / sizeof(*asked) };
	struct record_world *w = *state;
	struct job_page page = {.filter = {.tenant = w->tenant, .dead = -1}, .limit = 50};
	struct id jobs[3];
	struct listed l;
	int64_t before;
	size_t i;

	leave_three(w, jobs);
	end_many(w, ENDED);
	before = fetched(w);
	for (i = 0; i < ROUNDS; i++) {
		page.filter.states = asked[i].states;
		l = list(w, &page);
		assert_int_equal(l.n, asked[i].n);
		assert_true(id_equal(l.job[0], jobs[asked[i].first]));
		assert_int_equal(counted(w, &page.filter), asked[i].n);
	}
	/* Each list and each count walked through all of them otherwise. */
	assert_true(fetched(w) - before < ROUNDS * ENDED);
	page.after = jobs[2];
	assert_int_equal(list(w, &page).n, 2);
	page.filter.queue_id = w->queue;
	assert_int_equal(list(w, &page).n, 2);
	page.filter.principal = w->tenant; /* as record_job says */
	assert_int_equal(list(w, &page).n, 2);
	page.filter.principal = id_new(0);
	assert_int_equal(list(w, &page).n, 0);
}

static void on_attempts(void *ctx, enum err e, const struct attempt_row *rows, size_t n)
{
	assert_int_equal(e, ERR_OK);
	*(size_t *)ctx = n;
	assert_int_equal(n, 2);
	assert_string_equal(rows[0].outcome, "interrupted");
	assert_string_equal(rows[0].ended_by, "holder");
	assert_string_equal(rows[1].outcome, "");
	assert_string_equal(rows[1].state, "running");
}

/* promises: C2, C5 */
static void test_a_terminal_state_and_its_attempts_are_found(void **state)
{
	struct record_world *w = *state;
	struct job_page page = {
		.filter = {.tenant = w->tenant, .dead = -1, .states = 1 << JOB_FAILED},
		.limit = 50};
	struct submit jobs[JOBS];
	struct claim c;
	struct finish f;
	size_t n = 0;

	fill(w, jobs);
	c = record_claim(w->worker, w->me, w->queue, 1)->claim[0];
	f = record_finish_of(&c);
	f.as = FINISH_FAILED;
	f.error = ERR_UP_REJECTED;
	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(list(w, &page).n, 1);
	page.filter.states = 0;
	page.filter.dead = 1;
	assert_int_equal(list(w, &page).n, 1);
	assert_int_equal(counted(w, &page.filter), 1);
	page.filter.dead = -1;
	page.filter.error_code = "upstream_rejected";
	page.filter.states = 1 << JOB_FAILED;
	page.what = JOB_READ_LABELS;
	assert_int_equal(list(w, &page).n, 1);
	c = record_claim(w->worker, w->me, w->queue, 1)->claim[0];
	f = record_finish_of(&c);
	f.as = FINISH_INTERRUPTED;
	f.error = ERR_INTERRUPTED;
	record_finish(w->worker, w->me, &f, 1);
	while (!id_equal(record_claim(w->worker, w->me, w->queue, 1)->claim[0].job, c.job))
		continue;
	record_run(w->producer,
		attempt_list(w->producer, (struct job_key){c.tenant, c.job}, on_attempts, &n));
	assert_int_equal(n, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, record_world_open, record_world_close)
/* promises: C2 */
static void test_a_job_that_is_not_there_has_its_next_ones_face(void **state)
{
	struct record_world *w = *state;
	struct submit jobs[2] = {record_job(w->tenant, w->queue), record_job(w->tenant, w->queue)};
	struct job_key keys[] = {{w->tenant, jobs[0].job}, {w->tenant, jobs[0].job},
		{w->tenant, jobs[1].job}, {w->tenant, jobs[1].job},
		{record_tenant(w->producer), jobs[0].job}};
	struct listed l = {0};

	record_submit(w->producer, jobs, 2);
	keys[1].job.bytes[15] ^= 1; /* the neighbours of the first and the second */
	keys[3].job.bytes[0] = 0xff;
	record_run(w->producer,
		job_near(w->producer, keys, sizeof(keys) / sizeof(*keys), on_list, &l));
	assert_int_equal(l.n, 5);
	assert_true(id_equal(l.job[0], jobs[0].job));
	assert_true(id_equal(l.job[1], jobs[keys[1].job.bytes[15] & 1 ? 1 : 0].job));
	assert_true(id_equal(l.job[2], jobs[1].job));
	assert_true(id_is_zero(l.job[3]));
	assert_true(id_is_zero(l.job[4]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_pages_come_newest_first_and_join),
		TEST(test_filters_and_labels),
		TEST(test_a_search_needs_every_hash),
		TEST(test_what_has_not_ended_is_found_among_much_that_has),
		TEST(test_a_terminal_state_and_its_attempts_are_found),
		TEST(test_a_job_that_is_not_there_has_its_next_ones_face),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
