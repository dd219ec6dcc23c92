/* race_actors.h - connections in every role, and three workers. */
#ifndef TEST_RACE_ACTORS_H
#define TEST_RACE_ACTORS_H

#include "unit/core/stores/race_world.h"

static inline struct db *race_connect_as(const char *user)
{
	static const struct db_stmt fast = {
		.name = "race_fast", .sql = "set synchronous_commit = off"};
	struct db *db = record_open(getenv("LONGHAUL_TEST_PG"), user);

	record_sql(db, NULL, &fast);
	return db;
}

static inline void race_on_term(void *ctx, enum err e, const struct term *term)
{
	assert_int_equal(e, ERR_OK);
	*(int64_t *)ctx = term->number;
}

static inline void race_term_take(struct race *r)
{
	const int64_t end = clock_ms() + RECORD_WAIT_MS;

	do
		record_run(r->leader, term_hold(r->leader, r->me, 600000, race_on_term, &r->term));
	while (r->term == 0 && clock_ms() < end);
	assert_true(r->term > 0);
}

static inline void race_base_read(struct race *r)
{
	static const struct db_stmt stmt = {.name = "race_base",
		.sql = "select coalesce(max(fence_base), 0) from record_epoch",
		.reads = true};

	assert_int_equal(db_begin(r->producer, NULL, 0), ERR_OK);
	db_query(r->producer, &stmt, NULL);
	db_commit(r->producer, race_counted, &r->base);
	assert_int_equal(db_wait(r->producer, RECORD_WAIT_MS), ERR_OK);
}

static inline int race_open(void **state)
{
	struct race *r = calloc(1, sizeof(*r));

	assert_non_null(r);
	r->producer = race_connect_as("longhaul_producer");
	r->gate = race_connect_as("longhaul_producer");
	r->key = race_connect_as("longhaul_producer");
	r->clock = race_connect_as("longhaul_worker");
	r->leader = race_connect_as("longhaul_scheduler");
	r->deadline = race_connect_as("longhaul_scheduler");
	r->book = race_connect_as("longhaul_worker");
	for (size_t i = 0; i < RACE_WORKERS; i++) {
		r->workers[i].db = race_connect_as("longhaul_worker");
		r->workers[i].id = record_worker(r->workers[i].db);
	}
	r->queue = record_queue_new(r->producer);
	r->me = id_new(0);
	race_base_read(r);
	*state = r;
	return 0;
}

static inline int race_close(void **state)
{
	struct race *r = *state;
	struct db *all[] = {r->producer, r->gate, r->key, r->clock, r->deadline, r->book};

	record_run(r->leader, term_release(r->leader, r->me, r->term, record_ok, NULL));
	db_close(r->leader);
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		db_close(all[i]);
	for (size_t i = 0; i < RACE_WORKERS; i++)
		db_close(r->workers[i].db);
	free(r);
	return 0;
}

#endif
