/* record_leader.h - a leader in the stores' tests, and workers that die under it. */
#ifndef TEST_RECORD_LEADER_H
#define TEST_RECORD_LEADER_H

#include "stores/reap.h"
#include "unit/core/stores/record_world.h"

/* A world of the test's own, and the term that all tests share. */
struct led {
	struct record_world *w;
	struct db *leader;
	struct id me;
	int64_t term;
};

static inline void on_term(void *ctx, enum err e, const struct term *term)
{
	assert_int_equal(e, ERR_OK);
	*(struct term *)ctx = *term;
}

static inline struct term hold(struct db *db, struct id who, int64_t ms)
{
	struct term term = {0};

	record_run(db, term_hold(db, who, ms, on_term, &term));
	return term;
}

static inline int led_open(void **state)
{
	struct led *l = calloc(1, sizeof(*l));
	int64_t end = clock_ms() + RECORD_WAIT_MS;
	void *world;

	assert_non_null(l);
	assert_int_equal(record_world_open(&world), 0);
	l->w = world;
	l->leader = record_open(getenv("LONGHAUL_TEST_PG"), "longhaul_scheduler");
	l->me = id_new(0);
	/* A test before may have left its term: it runs out by itself. */
	while (l->term == 0 && clock_ms() < end)
		l->term = hold(l->leader, l->me, 60000).number;
	assert_true(l->term > 0);
	*state = l;
	return 0;
}

static inline int led_close(void **state)
{
	struct led *l = *state;
	void *world = l->w;

	record_run(l->leader, term_release(l->leader, l->me, l->term, record_ok, NULL));
	db_close(l->leader);
	(void)record_world_close(&world);
	free(l);
	return 0;
}

/* Makes the worker's last beat a minute old. */
static inline void silence(struct led *l, struct id worker)
{
	static char sql[200];
	static struct db_stmt stmt = {.name = "test_silence"};
	struct db *db = record_open(getenv("LONGHAUL_TEST_PG"), "longhaul_worker");
	char uuid[ID_UUID_MAX];

	(void)l;
	id_uuid(worker, uuid);
	snprintf(sql, sizeof(sql),
		"update worker_beat set beat_at = now() - interval '1 minute' where worker_id = '%s'",
		uuid);
	stmt.sql = sql;
	record_sql(db, NULL, &stmt);
	db_close(db);
}

static inline void on_reap(void *ctx, enum err e, const struct reap_report *report)
{
	assert_int_equal(e, ERR_OK);
	*(struct reap_report *)ctx = *report;
}

static inline struct reap_report reap(struct led *l, struct id worker)
{
	struct reap_report report = {0};

	silence(l, worker);
	record_run(l->leader, reap_workers(l->leader, l->term,
				      &(struct reap_gone){&worker, 1, false}, on_reap, &report));
	return report;
}

static inline void on_started(void *ctx, enum err e, int64_t key)
{
	(void)key;
	*(enum err *)ctx = e;
}

/* A new incarnation that reports notes; returns its id. */
static inline struct id reborn(struct led *l, const struct worker_crash *notes, size_t n)
{
	struct worker_start start = {.id = id_new(0),
		.host = "test",
		.version = "0",
		.pid = 1,
		.slots = 100,
		.lease_ms = 6000};
	enum err e = ERR_INTERNAL;

	record_run(l->w->worker, worker_start(l->w->worker, &start, notes, n, on_started, &e));
	assert_int_equal(e, ERR_OK);
	return start.id;
}

#endif
