/* Who is next, in both statements that choose: tenants by deficit, weights, caps, priority, queues
 * (LONGHAUL_TEST_PG). */
#include "unit/core/stores/record_world.h"

#include "domain/deficit.h"

struct shared {
	struct record_world *w;
	struct id other;
	struct deficits deficits;
	struct id after;
	struct record_claims got;
};

static int shared_open(void **state)
{
	struct shared *s = calloc(1, sizeof(*s));
	void *world;

	assert_non_null(s);
	assert_int_equal(record_world_open(&world), 0);
	s->w = world;
	s->other = record_tenant(s->w->producer);
	*state = s;
	return 0;
}

static int shared_close(void **state)
{
	struct shared *s = *state;
	void *world = s->w;

	(void)record_world_close(&world);
	free(s);
	return 0;
}

/* Once a test: a statement is prepared once. */
static void limit(struct shared *s, struct id tenant, const char *column, int value)
{
	static struct db_stmt stmt = {.name = "test_limit"};
	static char sql[200];
	char id[ID_UUID_MAX];

	id_uuid(tenant, id);
	snprintf(sql, sizeof(sql), "insert into tenant_limit (tenant_id, %s) values ('%s', %d)",
		column, id, value);
	stmt.sql = sql;
	record_sql(s->w->producer, &tenant, &stmt);
}

static void submit_n(struct shared *s, struct id tenant, size_t n, int32_t units, int priority)
{
	static struct submit jobs[500];

	for (size_t i = 0; i < n; i++) {
		jobs[i] = record_job(tenant, s->w->queue);
		jobs[i].units = units;
		jobs[i].priority = priority;
	}
	record_submit(s->w->producer, jobs, n);
}

static void on_claims(
	void *ctx, enum err e, const struct claim *claims, size_t n, const struct claim_turn *turn)
{
	struct shared *s = ctx;

	record_claimed(&s->got, e, claims, n);
	deficits_take(&s->deficits, 0, turn->owed, turn->owed_n);
	s->after = turn->after;
}

/* Claims up to max; how many of them are tenant's. */
static size_t claim_of(struct shared *s, struct id tenant, size_t max)
{
	const struct claim_direct ask = {.queues = &s->w->queue,
		.queues_n = 1,
		.max = max,
		.deficits = &s->deficits,
		.after_tenant = s->after};
	size_t n = 0;

	record_run(s->w->worker, lease_claim_direct(s->w->worker, s->w->me, &ask, on_claims, s));
	for (size_t i = 0; i < s->got.n; i++)
		n += id_equal(s->got.claim[i].tenant, tenant);
	return n;
}

/* promises: C12 */
static void test_one_job_is_next_however_many_wait_before_it(void **state)
{
	struct shared *s = *state;

	submit_n(s, s->w->tenant, 500, 1, 5);
	assert_int_equal(claim_of(s, s->w->tenant, 3), 3);
	submit_n(s, s->other, 1, 1, 5);
	assert_int_equal(claim_of(s, s->other, 1) + claim_of(s, s->other, 1), 1);
}

/* promises: C12 */
static void test_weights_divide_what_is_claimed_one_at_a_time(void **state)
{
	struct shared *s = *state;
	size_t others = 0;

	limit(s, s->other, "weight", 3);
	submit_n(s, s->w->tenant, 100, 1, 5);
	submit_n(s, s->other, 100, 1, 5);
	for (int i = 0; i < 40; i++)
		others += claim_of(s, s->other, 1);
	assert_in_range(others, 29, 31);
}

/* promises: C12 */
static void test_weights_divide_what_is_claimed_by_the_dozen(void **state)
{
	struct shared *s = *state;
	size_t others = 0;

	limit(s, s->other, "weight", 3);
	submit_n(s, s->w->tenant, 100, 1, 5);
	submit_n(s, s->other, 100, 1, 5);
	for (int i = 0; i < 5; i++)
		others += claim_of(s, s->other, 15);
	assert_in_range(others, 55, 58);
}

/* promises: C12 */
static void test_a_large_job_costs_its_tenant_as_many_small_ones(void **state)
{
	struct shared *s = *state;
	size_t others = 0;

	submit_n(s, s->w->tenant, 200, 1, 5);
	submit_n(s, s->other, 50, 10, 5);
	for (int i = 0; i < 110; i++)
		others += claim_of(s, s->other, 1);
	assert_in_range(others, 9, 11);
}

/* promises: C12 */
static void test_a_tenant_saves_nothing_up_while_it_has_no_work(void **state)
{
	struct shared *s = *state;

	submit_n(s, s->w->tenant, 200, 1, 5);
	for (int i = 0; i < 50; i++)
		(void)claim_of(s, s->other, 1);
	submit_n(s, s->other, 100, 1, 5);
	assert_in_range(claim_of(s, s->other, 40), 19, 21);
}

/* promises: C12 */
static void test_among_equals_the_aged_priority_decides(void **state)
{
	static const struct db_stmt age = {.name = "test_rank_age",
		.sql = "update job_ready set rank = rank - 300000 where tenant_id = any(coalesce(("
		       "select string_to_array(current_setting('app.tenants'), ',')::uuid[]), '{}'))"};
	struct shared *s = *state;

	submit_n(s, s->w->tenant, 5, 1, 0);
	submit_n(s, s->other, 1, 1, 9);
	assert_int_equal(claim_of(s, s->w->tenant, 1), 1);
	submit_n(s, s->other, 1, 1, 9);
	record_sql(s->w->producer, &s->other, &age);
	deficits_settle(&s->deficits, 0);
	assert_int_equal(claim_of(s, s->other, 1), 1);
}

/* promises: C12 */
static void test_a_capped_tenant_runs_no_more_than_its_cap(void **state)
{
	struct shared *s = *state;
	struct finish end;

	limit(s, s->other, "max_running", 3);
	submit_n(s, s->other, 10, 1, 5);
	submit_n(s, s->w->tenant, 4, 1, 5);
	assert_int_equal(claim_of(s, s->other, 20), 3);
	end = record_finish_of(&s->got.claim[0]);
	for (size_t i = 0; i < s->got.n; i++)
		if (id_equal(s->got.claim[i].tenant, s->other))
			end = record_finish_of(&s->got.claim[i]);
	assert_int_equal(claim_of(s, s->other, 20), 0);
	record_finish(s->w->worker, s->w->me, &end, 1);
	assert_int_equal(claim_of(s, s->other, 20), 1);
}

/* promises: C12 */
static void test_a_message_takes_no_capped_tenant_over_its_cap(void **state)
{
	struct shared *s = *state;
	struct submit jobs[5];
	struct job_key keys[5];

	limit(s, s->other, "max_running", 2);
	for (size_t i = 0; i < 5; i++) {
		jobs[i] = record_job(s->other, s->w->queue);
		keys[i] = (struct job_key){s->other, jobs[i].job};
	}
	record_submit(s->w->producer, jobs, 5);
	record_run(s->w->worker,
		lease_claim_keys(s->w->worker, s->w->me, keys, 5, record_claimed, &s->got));
	assert_int_equal(s->got.n, 2);
}

/* promises: C12 */
static void test_of_many_tenants_all_have_their_turn(void **state)
{
	struct shared *s = *state;
	enum { TENANTS = 300 };
	static struct submit jobs[TENANTS];
	size_t turns = 0, claimed = 0;

	for (size_t i = 0; i < TENANTS; i++)
		jobs[i] = record_job(record_tenant(s->w->producer), s->w->queue);
	record_submit(s->w->producer, jobs, TENANTS);
	submit_n(s, s->w->tenant, 500, 1, 0);
	while (claimed < TENANTS && turns++ < 60) {
		size_t mine = claim_of(s, s->w->tenant, 10);

		claimed += s->got.n - mine;
	}
	assert_int_equal(claimed, TENANTS);
}

static size_t claim_two(struct shared *s, const int32_t queues[2], int64_t held, int64_t spare)
{
	const struct claim_load load = {.queue_id = queues[0], .held = held, .spare = spare};
	const struct claim_direct ask = {.queues = queues,
		.queues_n = 2,
		.max = 8,
		.loads = &load,
		.loads_n = 1,
		.deficits = &s->deficits};
	size_t n = 0;

	record_run(s->w->worker, lease_claim_direct(s->w->worker, s->w->me, &ask, on_claims, s));
	for (size_t i = 0; i < s->got.n; i++)
		n += s->got.claim[i].queue_id == queues[0];
	return n;
}

/* promises: C4 */
static void test_the_queue_that_holds_less_for_its_weight_is_next(void **state)
{
	struct shared *s = *state;
	const int32_t queues[2] = {s->w->queue, record_queue_new(s->w->producer)};

	submit_n(s, s->w->tenant, 50, 1, 5);
	s->w->queue = queues[1];
	submit_n(s, s->w->tenant, 50, 1, 5);
	assert_int_equal(claim_two(s, queues, 0, 100), 4);
	assert_int_equal(claim_two(s, queues, 4, 100), 2);
	assert_int_equal(claim_two(s, queues, 0, 1), 1);
	assert_int_equal(s->got.n, 8);
	assert_int_equal(claim_two(s, queues, 90, 0), 0);
}

/* promises: C12, C4 */
static void test_a_queue_that_was_full_owes_what_it_owed_before(void **state)
{
	struct shared *s = *state;
	const int32_t queues[2] = {s->w->queue, record_queue_new(s->w->producer)};

	submit_n(s, s->w->tenant, 50, 1, 0);
	submit_n(s, s->other, 5, 1, 9);
	assert_int_equal(claim_of(s, s->w->tenant, 1), 1);
	assert_int_equal(claim_two(s, queues, 1, 0), 0);
	assert_int_equal(s->got.n, 0);
	assert_int_equal(claim_of(s, s->other, 1), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, shared_open, shared_close)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_job_is_next_however_many_wait_before_it),
		TEST(test_weights_divide_what_is_claimed_one_at_a_time),
		TEST(test_weights_divide_what_is_claimed_by_the_dozen),
		TEST(test_a_large_job_costs_its_tenant_as_many_small_ones),
		TEST(test_a_tenant_saves_nothing_up_while_it_has_no_work),
		TEST(test_among_equals_the_aged_priority_decides),
		TEST(test_a_capped_tenant_runs_no_more_than_its_cap),
		TEST(test_a_message_takes_no_capped_tenant_over_its_cap),
		TEST(test_of_many_tenants_all_have_their_turn),
		TEST(test_the_queue_that_holds_less_for_its_weight_is_next),
		TEST(test_a_queue_that_was_full_owes_what_it_owed_before),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
