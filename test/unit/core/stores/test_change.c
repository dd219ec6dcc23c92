/* Cancel, retry, change, delete, forget, against a real Postgres (LONGHAUL_TEST_PG). */
#include "stores/job_change.h"
#include "stores/job_list.h"
#include "stores/tenant_limit.h"
#include "stores/usage_day.h"
#include "unit/core/stores/record_world.h"

struct changed {
	enum err e;
	size_t n;
	struct job_changed first;
};

static void on_change(void *ctx, enum err e, const struct job_changed *jobs, size_t n)
{
	struct changed *c = ctx;

	c->e = e;
	c->n = n;
	if (n > 0)
		c->first = jobs[0];
}

static struct job_key key_of(const struct submit *s)
{
	return (struct job_key){s->tenant, s->job};
}

static struct changed cancel(struct record_world *w, const struct submit *s)
{
	struct changed c = {0};

	record_run(w->producer, job_cancel(w->producer, key_of(s), &record_actor, on_change, &c));
	return c;
}

static struct changed patch(
	struct record_world *w, const struct submit *s, const struct job_patch *p)
{
	struct changed c = {0};

	record_run(w->producer, job_patch(w->producer, key_of(s), p, &record_actor, on_change, &c));
	return c;
}

static struct submit submitted(struct record_world *w)
{
	struct submit s = record_job(w->tenant, w->queue);

	s.callback_events = CALLBACK_ALL;
	record_submit(w->producer, &s, 1);
	return s;
}

/* promises: C2 */
static void test_a_queued_job_is_cancelled_once(void **state)
{
	struct record_world *w = *state;
	struct submit s = submitted(w);
	struct changed c = cancel(w, &s);

	assert_int_equal(c.e, ERR_OK);
	assert_true(c.first.changed);
	assert_int_equal(c.first.state, JOB_CANCELLED);
	c = cancel(w, &s);
	assert_int_equal(c.e, ERR_OK);
	assert_false(c.first.changed);
	assert_int_equal(record_claim(w->worker, w->me, w->queue, 10)->n, 0);
	assert_int_equal(record_look(w, s.tenant, s.job), 1);
	assert_int_equal(record_row.event_next, 3);
}

static void on_beat(void *ctx, enum err e, const struct worker_reply *reply)
{
	assert_int_equal(e, ERR_OK);
	assert_false(reply->dead);
	*(size_t *)ctx = reply->notices_n;
}

static void on_day(void *ctx, enum err e, const struct usage_row *rows, size_t n)
{
	assert_int_equal(e, ERR_OK);
	assert_int_equal(n, 1);
	*(struct usage_row *)ctx = rows[0];
}

/* A tenant's sums of all days. */
static struct usage_row day_of(struct record_world *w, struct id tenant)
{
	const struct usage_ask ask = {tenant, "2020-01-01", "2999-01-01", USAGE_BY_QUEUE};
	struct usage_row row = {0};

	record_run(w->producer, usage_day_read(w->producer, &ask, on_day, &row));
	return row;
}

static void on_rows(void *ctx, enum err e, const struct db_reply *reply)
{
	assert_int_equal(e, ERR_OK);
	*(size_t *)ctx = db_rows_n(db_reply_rows(reply, 0));
}

/* Every worker beats twice a second: what a claim asks anew is not asked here too. */
static void test_a_beat_reads_no_grants(void **state)
{
	static const struct db_stmt beat_looks = {.name = "test_beat_looks",
		.sql = "select from pg_prepared_statements where name = 'worker_beat'"
		       " and statement !~ 'worker_grant'"};
	struct record_world *w = *state;
	size_t cancels = 0, found = 0;

	record_run(w->worker,
		worker_beat(w->worker, w->me, &(struct worker_pulse){0}, on_beat, &cancels));
	assert_int_equal(db_begin(w->worker, NULL, 0), ERR_OK);
	db_query(w->worker, &beat_looks, NULL);
	db_commit(w->worker, on_rows, &found);
	assert_int_equal(db_wait(w->worker, RECORD_WAIT_MS), ERR_OK);
	assert_int_equal(found, 1);
}

/* promises: C2, C7 */
static void test_a_running_job_is_taken_from_its_holder(void **state)
{
	struct record_world *w = *state;
	struct submit s = submitted(w);
	struct claim claim = record_claim(w->worker, w->me, w->queue, 1)->claim[0];
	struct changed c = cancel(w, &s);
	struct finish f = record_finish_of(&claim), *batch[] = {&f};
	const struct worker_pulse load = {.slots_free = 10};
	size_t cancels = 0;
	enum err e = ERR_INTERNAL;

	assert_true(c.first.changed);
	assert_true(id_equal(c.first.worker, w->me));
	assert_true(c.first.fence == claim.fence);
	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(f.outcome, ERR_LOST);
	/* The holder learns by its beat, once, and may still write what the call has cost. */
	record_run(w->worker, worker_beat(w->worker, w->me, &load, on_beat, &cancels));
	assert_int_equal(cancels, 1);
	record_run(w->worker, worker_beat(w->worker, w->me, &load, on_beat, &cancels));
	assert_int_equal(cancels, 0);
	f.output_tokens = 11;
	f.upstream = "u";
	f.estimated = true;
	record_run(w->worker, finish_usage(w->worker, w->me, batch, 1, record_finished, &e));
	assert_int_equal(e, ERR_OK);
	assert_int_equal(f.outcome, ERR_OK);
	/* A second time it changes nothing. */
	record_run(w->worker, finish_usage(w->worker, w->me, batch, 1, record_finished, &e));
	assert_int_equal(f.outcome, ERR_LOST);
	assert_int_equal(day_of(w, s.tenant).output_tokens, 11);
	assert_int_equal(day_of(w, s.tenant).estimated, 1);
	assert_int_equal(record_look(w, s.tenant, s.job), 1);
	assert_int_equal(record_row.output_tokens, 11);
	assert_true(record_row.estimated);
	assert_int_equal(record_row.state, JOB_CANCELLED);
	assert_int_equal(record_row.event_next, 258);
}

/* promises: C2 */
static void test_an_ended_job_cannot_be_cancelled_nor_another_tenants(void **state)
{
	struct record_world *w = *state;
	struct submit s = submitted(w), other;
	struct finish f = record_finish_of(&record_claim(w->worker, w->me, w->queue, 1)->claim[0]);

	record_finish(w->worker, w->me, &f, 1);
	assert_int_equal(cancel(w, &s).e, ERR_CONFLICT);
	other = s;
	other.tenant = record_tenant(w->producer);
	assert_int_equal(cancel(w, &other).e, ERR_NOT_FOUND);
}

/* promises: C2, C5 */
static void test_a_cancelled_job_runs_again_when_asked(void **state)
{
	struct record_world *w = *state;
	struct submit s = submitted(w);
	struct changed c = {0};
	struct record_claims *got;

	(void)cancel(w, &s);
	record_run(w->producer, job_retry(w->producer, key_of(&s), &record_actor, on_change, &c));
	assert_int_equal(c.e, ERR_OK);
	assert_int_equal(c.first.state, JOB_QUEUED);
	got = record_claim(w->worker, w->me, w->queue, 10);
	assert_int_equal(got->n, 1);
	assert_int_equal(got->claim[0].event_from, 4); /* queued, cancelled, queued, running */
	record_run(w->producer, job_retry(w->producer, key_of(&s), &record_actor, on_change, &c));
	assert_int_equal(c.e, ERR_CONFLICT);
}

/* promises: C2 */
static void test_a_queued_job_can_move(void **state)
{
	struct record_world *w = *state;
	struct submit s = submitted(w);
	int32_t other = record_queue_new(w->producer);
	struct changed c = patch(w, &s,
		&(struct job_patch){
			.has_priority = true, .priority = 1, .has_queue = true, .queue_id = other});

	assert_int_equal(c.e, ERR_OK);
	assert_int_equal(record_claim(w->worker, w->me, w->queue, 10)->n, 0);
	c = patch(w, &s,
		&(struct job_patch){.has_run_at = true, .run_at_ms = clock_record_ms() + 3600000});
	assert_int_equal(c.first.state, JOB_WAITING);
	assert_int_equal(record_claim(w->worker, w->me, other, 10)->n, 0);
	c = patch(w, &s, &(struct job_patch){.has_run_at = true});
	assert_int_equal(c.first.state, JOB_QUEUED);
	assert_int_equal(record_claim(w->worker, w->me, other, 10)->n, 1);
	assert_int_equal(patch(w, &s, &(struct job_patch){.has_priority = true, .priority = 2}).e,
		ERR_CONFLICT);
}

/* promises: C2 */
static void test_a_deleted_job_is_gone_with_all_it_had(void **state)
{
	struct record_world *w = *state;
	struct submit s = submitted(w);
	struct changed c = {0};

	record_run(w->producer, job_delete(w->producer, key_of(&s), &record_actor, on_change, &c));
	assert_int_equal(c.e, ERR_CONFLICT);
	(void)cancel(w, &s);
	record_run(w->producer, job_delete(w->producer, key_of(&s), &record_actor, on_change, &c));
	assert_int_equal(c.e, ERR_OK);
	assert_int_equal(record_look(w, s.tenant, s.job), 0);
	record_run(w->producer, job_delete(w->producer, key_of(&s), &record_actor, on_change, &c));
	assert_int_equal(c.e, ERR_NOT_FOUND);
}

static void on_many(void *ctx, enum err e, const struct job_changed *jobs, size_t n)
{
	size_t i;

	assert_int_equal(e, ERR_OK);
	*(size_t *)ctx = 0;
	for (i = 0; i < n; i++)
		*(size_t *)ctx += jobs[i].changed;
}

/* promises: C2 */
static void test_many_are_cancelled_and_retried_together(void **state)
{
	struct record_world *w = *state;
	struct submit jobs[10];
	struct job_key keys[10];
	struct finish f;
	size_t changed = 0, i;

	for (i = 0; i < 10; i++) {
		jobs[i] = record_job(w->tenant, w->queue);
		keys[i] = key_of(&jobs[i]);
	}
	record_submit(w->producer, jobs, 10);
	f = record_finish_of(&record_claim(w->worker, w->me, w->queue, 1)->claim[0]);
	record_finish(w->worker, w->me, &f, 1);
	record_run(w->producer,
		job_cancel_many(w->producer, keys, 10, &record_actor, on_many, &changed));
	assert_int_equal(changed, 9);
	record_run(w->producer,
		job_retry_many(w->producer, keys, 10, &record_actor, on_many, &changed));
	assert_int_equal(changed, 9);
	assert_int_equal(record_claim(w->worker, w->me, w->queue, 100)->n, 9);
}

/* ---- a retry and a move find the caps that a submit finds ---- */

enum { ROOM_ASKED = 10 };

struct room_told {
	size_t changed, queue_full, draining, tenant_full;
};

static void on_room(void *ctx, enum err e, const struct job_changed *jobs, size_t n)
{
	struct room_told *told = ctx;

	assert_int_equal(e, ERR_OK);
	*told = (struct room_told){0};
	for (size_t i = 0; i < n; i++) {
		told->changed += jobs[i].changed;
		told->queue_full += jobs[i].left == ERR_QUEUE_FULL;
		told->draining += jobs[i].left == ERR_QUEUE_DRAINING;
		told->tenant_full += jobs[i].left == ERR_TENANT_FULL;
	}
}

static void on_dry(void *ctx, enum err e, const struct job_retry_count *count)
{
	assert_int_equal(e, ERR_OK);
	*(struct job_retry_count *)ctx = *count;
}

/* keys are all of the tenant that ended: a dry run tells what then is. */
static struct room_told retry_keys(struct record_world *w, const struct job_key *keys, size_t n)
{
	const struct job_filter ended = {
		.tenant = w->tenant, .dead = -1, .states = 1 << JOB_CANCELLED | 1 << JOB_FAILED};
	struct job_retry_count dry;
	struct room_told told;

	record_run(w->producer, job_retry_count(w->producer, &ended, on_dry, &dry));
	record_run(
		w->producer, job_retry_many(w->producer, keys, n, &record_actor, on_room, &told));
	assert_int_equal(
		dry.matched, told.changed + told.queue_full + told.draining + told.tenant_full);
	assert_int_equal(dry.queue_full, told.queue_full);
	assert_int_equal(dry.queue_draining, told.draining);
	assert_int_equal(dry.tenant_full, told.tenant_full);
	return told;
}

static struct changed retry(struct record_world *w, struct job_key key)
{
	struct changed c = {0};

	record_run(w->producer, job_retry(w->producer, key, &record_actor, on_change, &c));
	return c;
}

/* Jobs of a queue that were handed in and cancelled. */
static void cancelled_of(struct record_world *w, int32_t queue, struct job_key keys[ROOM_ASKED])
{
	struct submit jobs[ROOM_ASKED];
	size_t changed;

	for (size_t i = 0; i < ROOM_ASKED; i++) {
		jobs[i] = record_job(w->tenant, queue);
		keys[i] = key_of(&jobs[i]);
	}
	record_submit(w->producer, jobs, ROOM_ASKED);
	record_run(w->producer,
		job_cancel_many(w->producer, keys, ROOM_ASKED, &record_actor, on_many, &changed));
	assert_int_equal(changed, ROOM_ASKED);
}

static void on_limit(void *ctx, enum err e, const struct tenant_limit *limit)
{
	(void)ctx;
	(void)limit;
	assert_int_equal(e, ERR_OK);
}

static void tenant_cap(struct record_world *w, int64_t most)
{
	const struct tenant_limit_change change = {.has_max_queued = true, .max_queued = most};

	record_run(w->producer,
		tenant_limit_patch(w->producer, w->tenant, &change, &record_actor, on_limit, NULL));
}

/* What is put back counts at once: neither the next page nor a single retry finds the places anew.
 * promises: C12 */
static void test_a_retry_puts_back_what_the_tenant_has_room_for(void **state)
{
	struct record_world *w = *state;
	struct job_key keys[ROOM_ASKED];
	struct room_told told;
	struct changed c;

	cancelled_of(w, w->queue, keys);
	tenant_cap(w, 4);
	told = retry_keys(w, keys, ROOM_ASKED);
	assert_int_equal(told.changed, 4);
	assert_int_equal(told.tenant_full, ROOM_ASKED - 4);
	told = retry_keys(w, keys, ROOM_ASKED);
	assert_int_equal(told.changed, 0);
	assert_int_equal(told.tenant_full, ROOM_ASKED - 4);
	c = retry(w, keys[ROOM_ASKED - 1]);
	assert_int_equal(c.e, ERR_TENANT_FULL);
	assert_int_equal(c.n, 1);
	assert_false(c.first.changed);
	assert_int_equal(c.first.queue_id, w->queue);
	tenant_cap(w, 0);
	assert_int_equal(retry_keys(w, keys, ROOM_ASKED).changed, ROOM_ASKED - 4);
	assert_int_equal(record_claim(w->worker, w->me, w->queue, 100)->n, ROOM_ASKED);
}

/* A queue by name, changed or new. */
static int32_t queue_with(struct record_world *w, const char *name, int64_t most, bool draining)
{
	return record_queue(w->producer, &(struct queue_change){.name = name,
						 .has_max_queued = true,
						 .max_queued = most,
						 .has_draining = true,
						 .draining = draining});
}

/* promises: C12 */
static void test_a_retry_puts_back_what_the_queue_has_room_for(void **state)
{
	struct record_world *w = *state;
	struct job_key keys[ROOM_ASKED];
	struct room_told told;
	char name[ID_UUID_MAX];
	int32_t queue;

	id_uuid(id_new(0), name);
	queue = queue_with(w, name, 0, false);
	cancelled_of(w, queue, keys);
	(void)queue_with(w, name, 3, true);
	told = retry_keys(w, keys, ROOM_ASKED);
	assert_int_equal(told.changed, 0);
	assert_int_equal(told.draining, ROOM_ASKED);
	assert_int_equal(retry(w, keys[0]).e, ERR_QUEUE_DRAINING);
	(void)queue_with(w, name, 3, false);
	told = retry_keys(w, keys, ROOM_ASKED);
	assert_int_equal(told.changed, 3);
	assert_int_equal(told.queue_full, ROOM_ASKED - 3);
	assert_int_equal(retry_keys(w, keys, ROOM_ASKED).changed, 0);
	assert_int_equal(retry(w, keys[ROOM_ASKED - 1]).e, ERR_QUEUE_FULL);
}

/* promises: C12 */
static void test_a_job_moves_only_to_a_queue_with_room(void **state)
{
	struct record_world *w = *state;
	struct job_key keys[ROOM_ASKED];
	struct submit s = submitted(w);
	struct job_patch move = {.has_queue = true};
	char name[ID_UUID_MAX];
	struct changed c;

	id_uuid(id_new(0), name);
	move.queue_id = queue_with(w, name, 0, false);
	cancelled_of(w, move.queue_id, keys);
	(void)queue_with(w, name, 3, false);
	assert_int_equal(retry_keys(w, keys, ROOM_ASKED).changed, 3);
	c = patch(w, &s, &move);
	assert_int_equal(c.e, ERR_QUEUE_FULL);
	assert_int_equal(c.first.queue_id, move.queue_id);
	(void)queue_with(w, name, 0, true);
	assert_int_equal(patch(w, &s, &move).e, ERR_QUEUE_DRAINING);
	assert_int_equal(record_claim(w->worker, w->me, w->queue, 10)->n, 1);
	/* What is there already may be changed, also by its queue's name. */
	move.has_priority = true;
	assert_int_equal(retry(w, keys[ROOM_ASKED - 1]).e, ERR_QUEUE_DRAINING);
	assert_int_equal(
		patch(w, &(struct submit){.tenant = keys[0].tenant, .job = keys[0].job}, &move).e,
		ERR_OK);
}

/* promises: C2 */
static void test_what_must_not_be_stored_can_be_forgotten(void **state)
{
	struct record_world *w = *state;
	struct submit s = record_job(w->tenant, w->queue);
	struct job_key key = key_of(&s);
	struct finish f;

	s.store = false;
	record_submit(w->producer, &s, 1);
	f = record_finish_of(&record_claim(w->worker, w->me, w->queue, 1)->claim[0]);
	record_finish(w->worker, w->me, &f, 1);
	record_run(w->producer, job_forget(w->producer, &key, 1, &record_actor, record_ok, NULL));
	assert_int_equal(record_look(w, s.tenant, s.job), 1);
	assert_int_equal(record_row.state, JOB_COMPLETED);
	assert_string_equal(record_result, "");
	assert_null(record_row.input.bytes);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, record_world_open, record_world_close)
int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_a_queued_job_is_cancelled_once),
		TEST(test_a_beat_reads_no_grants),
		TEST(test_a_running_job_is_taken_from_its_holder),
		TEST(test_an_ended_job_cannot_be_cancelled_nor_another_tenants),
		TEST(test_a_cancelled_job_runs_again_when_asked),
		TEST(test_a_queued_job_can_move),
		TEST(test_a_deleted_job_is_gone_with_all_it_had),
		TEST(test_many_are_cancelled_and_retried_together),
		TEST(test_a_retry_puts_back_what_the_tenant_has_room_for),
		TEST(test_a_retry_puts_back_what_the_queue_has_room_for),
		TEST(test_a_job_moves_only_to_a_queue_with_room),
		TEST(test_what_must_not_be_stored_can_be_forgotten),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
