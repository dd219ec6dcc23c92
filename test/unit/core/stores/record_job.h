/* record_job.h - jobs in the stores' tests: submitted, claimed, finished by a worker of the test.
 */
#ifndef TEST_RECORD_JOB_H
#define TEST_RECORD_JOB_H

#include "stores/finish.h"
#include "stores/lease.h"
#include "stores/submit.h"
#include "stores/worker_row.h"
#include "unit/core/stores/record.h"

/* A job as the tests want most: in queue, of tenant, with an input. */
static inline struct submit record_job(struct id tenant, int32_t queue)
{
	return (struct submit){
		.tenant = tenant,
		.job = id_new(2),
		.principal = tenant,
		.by = {.kind = "key"},
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

static inline void record_claimed_direct(
	void *ctx, enum err e, const struct claim *claims, size_t n, const struct claim_turn *turn)
{
	(void)turn;
	record_claimed(ctx, e, claims, n);
}

static inline struct record_claims *record_claim(
	struct db *db, struct id worker, int32_t queue, size_t max)
{
	static struct record_claims got;
	struct claim_direct ask = {.queues = &queue, .queues_n = 1, .max = max};

	got.n = 0;
	record_run(db, lease_claim_direct(db, worker, &ask, record_claimed_direct, &got));
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

#endif
