/* record_world.h - a tenant, a queue and a worker for each test, and what became of a job. */
#ifndef TEST_RECORD_WORLD_H
#define TEST_RECORD_WORLD_H

#include "stores/job_read.h"
#include "unit/core/stores/record_job.h"

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
