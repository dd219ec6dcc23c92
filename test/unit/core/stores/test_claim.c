/* Claiming, against a real Postgres (LONGHAUL_TEST_PG). */
#include "stores/revocation.h"
#include "unit/core/stores/record_world.h"

/* promises: C16 */
static void test_priority_then_age_decides(void **state)
{
	struct record_world *w = *state;
	struct submit jobs[3] = {record_job(w->tenant, w->queue), record_job(w->tenant, w->queue),
		record_job(w->tenant, w->queue)};
	struct record_claims *got;

	jobs[0].priority = 9;
	jobs[1].priority = 0;
	record_submit(w->producer, jobs, 3);
	got = record_claim(w->worker, w->me, w->queue, 2);
	assert_int_equal(got->n, 2);
	assert_true(id_equal(got->claim[0].job, jobs[1].job) ||
		    id_equal(got->claim[1].job, jobs[1].job));
	assert_true(id_equal(got->claim[0].job, jobs[2].job) ||
		    id_equal(got->claim[1].job, jobs[2].job));
}

/* promises: C16 */
static void test_tenants_take_turns(void **state)
{
	struct record_world *w = *state;
	struct id other = record_tenant(w->producer);
	struct submit jobs[20];
	struct record_claims *got;
	size_t i, others = 0;

	for (i = 0; i < 20; i++)
		jobs[i] = record_job(i < 16 ? w->tenant : other, w->queue);
	record_submit(w->producer, jobs, 20);
	got = record_claim(w->worker, w->me, w->queue, 8);
	for (i = 0; i < got->n; i++)
		others += id_equal(got->claim[i].tenant, other);
	if (others == 0) { /* the first share was the other's: now it is its turn */
		got = record_claim(w->worker, w->me, w->queue, 100);
		for (i = 0; i < got->n; i++)
			others += id_equal(got->claim[i].tenant, other);
	}
	assert_int_equal(others, 4);
}

/* promises: C16 */
static void test_a_paused_queue_gives_nothing_and_a_message_changes_nothing(void **state)
{
	struct record_world *w = *state;
	struct queue_change change = {.has_paused = true, .paused = true};
	struct record_claims got = {0};
	struct job_key key;
	char name[ID_UUID_MAX];
	struct submit s;

	id_uuid(id_new(0), name);
	change.name = name;
	s = record_job(w->tenant, record_queue(w->producer, &change));
	s.batch = id_new(0);
	record_submit(w->producer, &s, 1);
	assert_int_equal(record_claim(w->worker, w->me, s.queue_id, 10)->n, 0);
	key = (struct job_key){s.tenant, s.job};
	record_run(w->worker, lease_claim_keys(w->worker, w->me, &key, 1, record_claimed, &got));
	assert_int_equal(got.n, 0);
	change.paused = false;
	(void)record_queue(w->producer, &change);
	record_run(w->worker, lease_claim_keys(w->worker, w->me, &key, 1, record_claimed, &got));
	assert_int_equal(got.n, 1);
}

/* promises: C7, C16 */
static void test_the_same_message_five_times_claims_once(void **state)
{
	struct record_world *w = *state;
	struct submit jobs[2] = {record_job(w->tenant, w->queue), record_job(w->tenant, w->queue)};
	struct job_key keys[2] = {{w->tenant, jobs[1].job}, {w->tenant, jobs[0].job}};
	struct record_claims got = {0};
	size_t claimed = 0;
	int i;

	record_submit(w->producer, jobs, 2);
	for (i = 0; i < 5; i++) {
		record_run(w->worker,
			lease_claim_keys(w->worker, w->me, keys, 2, record_claimed, &got));
		claimed += got.n;
	}
	assert_int_equal(claimed, 2);
}

/* promises: C5 */
static void test_a_passed_deadline_is_not_claimed(void **state)
{
	static const struct db_stmt age = {.name = "test_age",
		.sql = "update job_ready set deadline_at = now() - interval '1 s'"
		       " where tenant_id = any(coalesce((select string_to_array("
		       "current_setting('app.tenants'), ',')::uuid[]), '{}'))"};
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);

	record_submit(w->producer, &s, 1);
	record_sql(w->producer, &w->tenant, &age);
	assert_int_equal(record_claim(w->worker, w->me, w->queue, 10)->n, 0);
}

/* promises: C15 */
static void test_a_capped_queue_gives_what_was_granted(void **state)
{
	static struct db_stmt grant = {.name = "test_grant"};
	struct record_world *w = *state;
	struct db *leader = record_open(getenv("LONGHAUL_TEST_PG"), "longhaul_scheduler");
	char name[ID_UUID_MAX], worker[ID_UUID_MAX], sql[200];
	struct submit jobs[5];
	int32_t queue;
	size_t i;

	id_uuid(id_new(0), name);
	id_uuid(w->me, worker);
	queue = record_queue(w->producer,
		&(struct queue_change){.name = name, .has_concurrency = true, .concurrency = 2});
	for (i = 0; i < 5; i++)
		jobs[i] = record_job(w->tenant, queue);
	record_submit(w->producer, jobs, 5);
	assert_int_equal(record_claim(w->worker, w->me, queue, 10)->n, 0);
	snprintf(sql, sizeof(sql), "insert into worker_grant values ('%s', %d, 2)", worker, queue);
	grant.sql = sql;
	record_sql(leader, NULL, &grant);
	assert_int_equal(record_claim(w->worker, w->me, queue, 10)->n, 2);
	assert_int_equal(record_claim(w->worker, w->me, queue, 10)->n, 0);
	db_close(leader);
}

/* promises: C7, C15 */
static void test_two_claimers_share_without_meeting(void **state)
{
	struct record_world *w = *state;
	struct db *db = record_open(getenv("LONGHAUL_TEST_PG"), "longhaul_worker");
	struct id other = record_worker(db);
	struct claim_direct ask = {.queues = &w->queue, .queues_n = 1, .max = 60};
	static struct record_claims a, b;
	struct submit jobs[100];
	size_t i, j;

	for (i = 0; i < 100; i++)
		jobs[i] = record_job(w->tenant, w->queue);
	record_submit(w->producer, jobs, 100);
	assert_int_equal(
		lease_claim_direct(w->worker, w->me, &ask, record_claimed_direct, &a), ERR_OK);
	assert_int_equal(lease_claim_direct(db, other, &ask, record_claimed_direct, &b), ERR_OK);
	assert_int_equal(db_wait(w->worker, RECORD_WAIT_MS), ERR_OK);
	assert_int_equal(db_wait(db, RECORD_WAIT_MS), ERR_OK);
	for (i = 0; i < a.n; i++)
		for (j = 0; j < b.n; j++)
			assert_false(id_equal(a.claim[i].job, b.claim[j].job));
	assert_true(a.n + b.n <= 100 && a.n + b.n >= 60);
	db_close(db);
}

static void on_held(void *ctx, enum err e, const bool *held, size_t n)
{
	assert_int_equal(e, ERR_OK);
	memcpy(ctx, held, n);
}

static void on_inputs(void *ctx, enum err e, const struct claim_input *rows, size_t n)
{
	size_t i;

	assert_int_equal(e, ERR_OK);
	*(size_t *)ctx = n;
	for (i = 0; i < n; i++)
		assert_memory_equal(rows[i].input.bytes, "\0{}", 3);
}

/* promises: C7 */
static void test_what_is_held_can_be_asked_and_its_input_read(void **state)
{
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	struct claim *c;
	bool held[2] = {false, false};
	size_t inputs = 0;

	record_submit(w->producer, &s, 1);
	c = record_claim(w->worker, w->me, w->queue, 1)->claim;
	record_run(w->worker, lease_revalidate(w->worker, w->me,
				      (struct lease_key[]){{c->tenant, c->job, c->fence},
					      {c->tenant, c->job, c->fence + 1}},
				      2, on_held, held));
	assert_true(held[0]);
	assert_false(held[1]);
	record_run(w->worker, lease_inputs(w->worker, &(struct job_key){c->tenant, c->job}, 1,
				      on_inputs, &inputs));
	assert_int_equal(inputs, 1);
}

struct pieces {
	size_t n, waiting, bytes;
};

static void on_piece(void *ctx, enum err e, const struct claim_input *rows, size_t n)
{
	struct pieces *p = ctx;

	assert_int_equal(e, ERR_OK);
	*p = (struct pieces){.n = n};
	for (size_t i = 0; i < n; i++) {
		assert_true(rows[i].waits == (rows[i].input.bytes == NULL));
		p->waiting += rows[i].waits;
		p->bytes += rows[i].input.len;
	}
}

static void on_large(void *ctx, enum err e, const struct claim *claims, size_t n)
{
	struct pieces *p = ctx;

	assert_int_equal(e, ERR_OK);
	*p = (struct pieces){.n = n};
	for (size_t i = 0; i < n; i++)
		p->bytes += claims[i].input ? claims[i].input->input.len : 0;
}

/* promises: C4 */
static void test_inputs_come_in_pieces(void **state)
{
	enum { JOBS = 6, LARGE = 5 << 20 };
	struct record_world *w = *state;
	char *large = calloc(1, LARGE);
	struct submit jobs[JOBS];
	struct job_key keys[JOBS];
	struct pieces p;

	assert_non_null(large);
	for (size_t i = 0; i < JOBS; i++) {
		jobs[i] = record_job(w->tenant, w->queue);
		jobs[i].kind = "chat";
		jobs[i].input = (struct db_bytes){large, LARGE};
		keys[i] = (struct job_key){w->tenant, jobs[i].job};
	}
	record_submit(w->producer, jobs, JOBS);
	record_run(w->worker, lease_claim_keys(w->worker, w->me, keys, JOBS, on_large, &p));
	assert_int_equal(p.n, JOBS);
	assert_true(p.bytes <= LEASE_CLAIM_BYTES);
	record_run(w->worker, lease_inputs(w->worker, keys, JOBS, on_piece, &p));
	assert_int_equal(p.n, JOBS);
	assert_int_equal(p.waiting, JOBS - 1);
	assert_int_equal(p.bytes, LARGE);
	free(large);
}

static void on_revoked(void *ctx, enum err e, const struct revocation_entry *entries, size_t n)
{
	assert_int_equal(e, ERR_OK);
	assert_int_equal(n, 1);
	*(struct id *)ctx = entries->id;
}

/* Two are revoked, one of them is let in again. promises: S1.1 */
static void test_each_claim_says_whether_its_own_principal_is_shut_out(void **state)
{
	enum { PRINCIPALS = 4, JOBS = 5 * PRINCIPALS };
	struct record_world *w = *state;
	struct id principals[PRINCIPALS];
	struct submit jobs[JOBS];
	struct record_claims *got;
	struct id revoked = {{0}};
	size_t i, j;

	for (i = 0; i < PRINCIPALS; i++)
		principals[i] = id_new(0);
	for (i = 0; i < JOBS; i++) {
		jobs[i] = record_job(w->tenant, w->queue);
		jobs[i].principal = principals[i % PRINCIPALS];
	}
	record_submit(w->producer, jobs, JOBS);
	for (i = 0; i < PRINCIPALS; i += 2) {
		const struct revocation_entry entry = {.r = {.kind = REVOCATION_USER,
							       .tenant = w->tenant,
							       .subject = principals[i]}};

		record_run(w->producer, revocation_put(w->producer, w->tenant, &entry,
						&record_actor, on_revoked, &revoked));
	}
	/* By an operator, as it was written by one. */
	record_run(w->producer, revocation_take(w->producer, AUDIT_SYSTEM_TENANT, revoked,
					&record_actor, on_revoked, &revoked));
	got = record_claim(w->worker, w->me, w->queue, JOBS);
	assert_int_equal(got->n, JOBS);
	for (i = 0; i < JOBS; i++) {
		for (j = 0; !id_equal(principals[j], got->claim[i].principal);)
			assert_true(++j < PRINCIPALS);
		assert_int_equal(got->claim[i].forbidden, j == 0);
		assert_true(i == 0 || id_compare(got->claim[i - 1].job, got->claim[i].job) < 0);
	}
}

/* How many rows a plan's nodes looked at in vain, all in all. */
static void on_plan(void *ctx, enum err e, const struct db_reply *reply)
{
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	double *in_vain = ctx, loops = 0, removed;
	const char *text;

	assert_int_equal(e, ERR_OK);
	for (size_t i = 0; i < db_rows_n(r); i++) {
		text = strstr(db_text(r, i, 0), "loops=");
		if (text != NULL)
			(void)sscanf(text, "loops=%lf", &loops);
		text = strstr(db_text(r, i, 0), "Filter: ");
		if (strstr(db_text(r, i, 0), "Rows Removed by") != NULL && text != NULL &&
			sscanf(text, "Filter: %lf", &removed) == 1)
			*in_vain += loops * removed;
	}
}

/* A claim of these jobs, as the session has it prepared, with its plan told. */
static char *claim_explained(const struct record_world *w, const struct submit *jobs, size_t n)
{
	char id[ID_UUID_MAX], *sql = NULL;
	size_t len;
	FILE *text = open_memstream(&sql, &len);

	assert_non_null(text);
	id_uuid(w->me, id);
	fprintf(text, "explain (analyze) execute lease_claim_keys('%s', ", id);
	id_uuid(w->tenant, id);
	fprintf(text, "array_fill('%s'::uuid, array[%zu]), '{", id, n);
	for (size_t i = 0; i < n; i++) {
		id_uuid(jobs[i].job, id);
		fprintf(text, "%s%s", i > 0 ? "," : "", id);
	}
	fputs("}')", text);
	fclose(text);
	return sql;
}

static void test_a_claim_of_many_principals_compares_none_with_all(void **state)
{
	enum { JOBS = 500 };
	static struct submit jobs[JOBS];
	static struct db_stmt explain = {.name = "test_explain"};
	struct record_world *w = *state;
	char *sql;
	double in_vain = 0;

	for (size_t i = 0; i < JOBS; i++) {
		jobs[i] = record_job(w->tenant, w->queue);
		jobs[i].principal = id_new(0);
	}
	record_submit(w->producer, jobs, JOBS);
	record_run(w->worker,
		lease_claim_keys(w->worker, w->me, &(struct job_key){w->tenant, id_new(0)}, 1,
			record_claimed, &(struct record_claims){0}));
	explain.sql = sql = claim_explained(w, jobs, JOBS);
	assert_int_equal(db_begin(w->worker, NULL, 0), ERR_OK);
	db_query(w->worker, &explain, NULL);
	db_commit(w->worker, on_plan, &in_vain);
	assert_int_equal(db_wait(w->worker, RECORD_WAIT_MS), ERR_OK);
	free(sql);
	assert_true(in_vain < 10 * JOBS);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, record_world_open, record_world_close)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_priority_then_age_decides),
		TEST(test_tenants_take_turns),
		TEST(test_a_paused_queue_gives_nothing_and_a_message_changes_nothing),
		TEST(test_the_same_message_five_times_claims_once),
		TEST(test_a_passed_deadline_is_not_claimed),
		TEST(test_a_capped_queue_gives_what_was_granted),
		TEST(test_two_claimers_share_without_meeting),
		TEST(test_what_is_held_can_be_asked_and_its_input_read),
		TEST(test_inputs_come_in_pieces),
		TEST(test_each_claim_says_whether_its_own_principal_is_shut_out),
		TEST(test_a_claim_of_many_principals_compares_none_with_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
