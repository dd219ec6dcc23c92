/* record.h - what the stores' tests share: connections in each role, and waiting.
 *
 * Every test makes tenants of its own, so that tests may share one database and
 * run side by side. The queue of a test is its own as well. */
#ifndef TEST_RECORD_H
#define TEST_RECORD_H

#include "ground/clock.h"
#include "ground/digest.h"
#include "stores/finish.h"
#include "stores/lease.h"
#include "stores/queue.h"
#include "stores/submit.h"
#include "stores/tenant.h"
#include "stores/worker_row.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { RECORD_WAIT_MS = 20000 };

static inline struct db *record_open(const char *conninfo, const char *user)
{
	struct db *db = NULL;
	enum err e;

	if (conninfo == NULL)
		fail_msg("LONGHAUL_TEST_PG is not set: no Postgres to test against");
	e = db_open(NULL,
		&(struct db_options){
			.conninfo = conninfo, .user = user, .application = "unit test"},
		&db);
	assert_int_equal(e, ERR_OK);
	e = db_wait(db, RECORD_WAIT_MS);
	if (e != ERR_OK)
		fail_msg("%s: %s", user, db_fault(db));
	return db;
}

/* Drives until the call that was just made has ended. */
static inline void record_run(struct db *db, enum err e)
{
	assert_int_equal(e, ERR_OK);
	assert_int_equal(db_wait(db, RECORD_WAIT_MS), ERR_OK);
}

static const struct audit_actor record_actor = {.kind = "operator"};

static inline void record_ok(void *ctx, enum err e, const struct db_reply *reply)
{
	(void)ctx;
	(void)reply;
	assert_int_equal(e, ERR_OK);
}

/* Any SQL without rows, as the role of db; the statement must be static. */
static inline void record_sql(struct db *db, const struct id *tenant, const struct db_stmt *stmt)
{
	assert_int_equal(db_begin(db, tenant, tenant != NULL ? 1 : 0), ERR_OK);
	db_query(db, stmt, NULL);
	db_commit(db, record_ok, NULL);
	assert_int_equal(db_wait(db, RECORD_WAIT_MS), ERR_OK);
}

static inline void record_tenant_made(void *ctx, enum err e, const struct tenant *t, size_t n)
{
	(void)ctx;
	(void)t;
	assert_int_equal(e, ERR_OK);
	assert_int_equal(n, 1);
}

static inline struct id record_tenant(struct db *producer)
{
	struct id id = id_new(0);
	char name[ID_UUID_MAX];
	uint8_t key[32];

	id_uuid(id, name);
	digest_random(key, sizeof(key));
	record_run(producer,
		tenant_create(producer,
			&(struct tenant){.id = id, .name = name, .match_key = {key, sizeof(key)}},
			&record_actor, record_tenant_made, NULL));
	return id;
}

static inline void record_queue_made(void *ctx, enum err e, const struct queue *q, size_t n)
{
	assert_int_equal(e, ERR_OK);
	assert_int_equal(n, 1);
	*(int32_t *)ctx = q->id;
}

/* Creates or changes a queue; returns its number. */
static inline int32_t record_queue(struct db *producer, const struct queue_change *change)
{
	int32_t id = 0;

	record_run(producer,
		queue_patch(producer, change, true, &record_actor, record_queue_made, &id));
	return id;
}

static inline int32_t record_queue_new(struct db *producer)
{
	char name[ID_UUID_MAX];

	id_uuid(id_new(0), name);
	return record_queue(producer, &(struct queue_change){.name = name});
}

/* A job as the tests want most: in queue, of tenant, with an input. */
static inline struct submit record_job(struct id tenant, int32_t queue)
{
	return (struct submit){
		.tenant = tenant,
		.job = id_new(2),
		.principal = tenant,
		.kind = "noop",
		.queue_id = queue,
		.priority = 5,
		.max_attempts = 3,
		.attempt_timeout_ms = 60000,
		.store = true,
		.input = {"\0{}", 3},
		.metadata = {"\0{}", 3},
	};
}

static inline void record_submitted(void *ctx, enum err e, struct submit *const *batch, size_t n)
{
	(void)batch;
	(void)n;
	*(enum err *)ctx = e;
}

static inline void record_submit(struct db *producer, struct submit *jobs, size_t n)
{
	struct submit *batch[SUBMIT_MAX];
	enum err e = ERR_INTERNAL;
	size_t i;

	for (i = 0; i < n; i++)
		batch[i] = &jobs[i];
	record_run(producer, submit_batch(producer, batch, n, record_submitted, &e));
	if (e != ERR_OK)
		fail_msg("submit: %s", db_fault(producer));
}

static inline void record_worker_started(void *ctx, enum err e, int64_t lock_key)
{
	(void)ctx;
	(void)lock_key;
	assert_int_equal(e, ERR_OK);
}

static inline struct id record_worker(struct db *worker)
{
	struct worker_start start = {.id = id_new(0),
		.host = "test",
		.version = "0",
		.pid = 1,
		.slots = 100,
		.lease_ms = 6000};

	record_run(worker, worker_start(worker, &start, NULL, 0, record_worker_started, NULL));
	return start.id;
}

enum { RECORD_CLAIMS_MAX = 1000 };
struct record_claims {
	size_t n;
	struct claim claim[RECORD_CLAIMS_MAX];
};

static inline void record_claimed(void *ctx, enum err e, const struct claim *claims, size_t n)
{
	struct record_claims *got = ctx;

	assert_int_equal(e, ERR_OK);
	got->n = n;
	if (n > 0)
		memcpy(got->claim, claims, n * sizeof(*claims));
}

static inline struct record_claims *record_claim(
	struct db *db, struct id worker, int32_t queue, size_t max)
{
	static struct record_claims got;
	struct claim_direct ask = {.queues = &queue, .queues_n = 1, .max = max};

	got.n = 0;
	record_run(db, lease_claim_direct(db, worker, &ask, record_claimed, &got));
	return &got;
}

static inline struct finish record_finish_of(const struct claim *c)
{
	return (struct finish){
		.tenant = c->tenant,
		.job = c->job,
		.fence = c->fence,
		.as = FINISH_COMPLETED,
		.event_last = c->event_from + 1,
		.upstream = "sim",
		.timings_ms = {-1, -1, 0, 1, 2, 0},
		.result = {"\0{\"ok\":true}", 12},
		.decision = id_new(0),
	};
}

static inline void record_finished(void *ctx, enum err e, struct finish *const *batch, size_t n)
{
	(void)batch;
	(void)n;
	*(enum err *)ctx = e;
}

static inline void record_finish(struct db *db, struct id worker, struct finish *ends, size_t n)
{
	struct finish *batch[FINISH_MAX];
	enum err e = ERR_INTERNAL;
	size_t i;

	for (i = 0; i < n; i++)
		batch[i] = &ends[i];
	record_run(db, finish_batch(db, worker, batch, n, record_finished, &e));
	if (e != ERR_OK)
		fail_msg("finish: %s", db_fault(db));
}

/* A tenant, a queue and a worker of the test's own. */
struct record_world {
	struct db *producer, *worker;
	struct id tenant, me;
	int32_t queue;
};

static inline int record_world_open(void **state)
{
	struct record_world *w = calloc(1, sizeof(*w));
	const char *conninfo = getenv("LONGHAUL_TEST_PG");

	assert_non_null(w);
	w->producer = record_open(conninfo, "longhaul_producer");
	w->worker = record_open(conninfo, "longhaul_worker");
	w->tenant = record_tenant(w->producer);
	w->queue = record_queue_new(w->producer);
	w->me = record_worker(w->worker);
	*state = w;
	return 0;
}

static inline int record_world_close(void **state)
{
	struct record_world *w = *state;

	db_close(w->producer);
	db_close(w->worker);
	free(w);
	return 0;
}

/* The job as it was read last; its answer without the format byte. */
static struct job_row record_row __attribute__((unused));
static char record_result[100] __attribute__((unused));
static char record_waiting[40] __attribute__((unused));
static char record_error[40] __attribute__((unused));

static inline void record_read(void *ctx, enum err e, const struct job_row *rows, size_t n)
{
	assert_int_equal(e, ERR_OK);
	*(size_t *)ctx = n;
	if (n == 0)
		return;
	record_row = rows[0];
	snprintf(record_waiting, sizeof(record_waiting), "%s", rows[0].waiting_for);
	snprintf(record_error, sizeof(record_error), "%s", rows[0].error_code);
	snprintf(record_result, sizeof(record_result), "%.*s", (int)rows[0].result.len - 1,
		rows[0].result.len > 0 ? (const char *)rows[0].result.bytes + 1 : "");
}

static inline size_t record_look(struct record_world *w, struct id tenant, struct id job)
{
	size_t n = 0;

	record_run(w->producer,
		job_read(w->producer, &(struct job_key){tenant, job}, 1,
			JOB_READ_LABELS | JOB_READ_ANSWER | JOB_READ_INPUT, record_read, &n));
	return n;
}

#endif
