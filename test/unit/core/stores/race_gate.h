/* race_gate.h - time that passes when the race says so, and transactions that overlap as it says.
 *
 * The gate is a transaction that holds the rows of the round's jobs until its key is
 * turned. Whoever is sent off meanwhile waits in the rows' queue; the next is sent
 * only then, so that the order of winning is the order of sending. */
#ifndef TEST_RACE_GATE_H
#define TEST_RACE_GATE_H

#include "unit/core/stores/race_world.h"

enum { RACE_LOOKS = 12 };

/* ---- time that passes when we say so ---- */

static inline void race_time(struct race *r, const struct db_stmt *stmt, struct id id)
{
	struct db_args args;

	assert_int_equal(db_begin(r->clock, &r->tenant, 1), ERR_OK);
	db_args_init(&args);
	db_arg_id(&args, id);
	db_query(r->clock, stmt, &args);
	db_commit(r->clock, record_ok, NULL);
	assert_int_equal(db_wait(r->clock, RECORD_WAIT_MS), ERR_OK);
}

static inline void race_freeze(struct race *r, struct race_worker *w)
{
	static const struct db_stmt stmt = {.name = "race_freeze",
		.sql = "update worker_beat set beat_at = now() - interval '1 minute'"
		       " where worker_id = $1"};

	race_time(r, &stmt, w->id);
}

static inline void race_late(struct race *r, struct id job)
{
	static const struct db_stmt stmt = {.name = "race_late",
		.sql = "with l as (update job_lease set deadline_at = now() - interval '1 minute'"
		       " where job_id = $1) update job_ready set deadline_at = now() - interval"
		       " '1 minute' where job_id = $1"};

	race_time(r, &stmt, job);
}

/* ---- the gate ---- */

static inline void race_key(struct race *r, const char *verb)
{
	static const struct db_stmt shut = {
		.name = "race_shut", .sql = "select pg_advisory_lock(7261)"};
	static const struct db_stmt open = {
		.name = "race_open", .sql = "select pg_advisory_unlock(7261)"};

	record_sql(r->key, NULL, *verb == 's' ? &shut : &open);
}

/* How many of us wait for a row now; or how many for the key. */
static inline int64_t race_waiting(struct race *r, bool for_key)
{
	static const struct db_stmt rows = {.name = "race_waiting",
		.sql = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
		       " and wait_event in ('transactionid', 'tuple')",
		.reads = true};
	static const struct db_stmt key = {.name = "race_key_waiting",
		.sql = "select count(*) from pg_stat_activity where wait_event_type = 'Lock'"
		       " and wait_event = 'advisory'",
		.reads = true};
	int64_t n = -1;

	assert_int_equal(db_begin(r->key, NULL, 0), ERR_OK);
	db_query(r->key, for_key ? &key : &rows, NULL);
	db_commit(r->key, race_counted, &n);
	assert_int_equal(db_wait(r->key, RECORD_WAIT_MS), ERR_OK);
	return n;
}

/* Holds the jobs' rows from now on, until race_key opens. */
static inline void race_gate_shut(struct race *r, const struct id *jobs, size_t n)
{
	static const struct db_stmt rows = {.name = "race_rows",
		.sql = "select count(*) from unnest($1, $2) k(tenant_id, job_id) cross join lateral"
		       " (select 1 from job j where j.tenant_id = k.tenant_id"
		       " and j.job_id = k.job_id for update) j"};
	static const struct db_stmt hold = {
		.name = "race_hold", .sql = "select pg_advisory_xact_lock(7261)"};
	struct id tenants[RACE_JOBS];
	struct db_args args;

	for (size_t i = 0; i < n; i++)
		tenants[i] = r->tenant;
	race_key(r, "shut");
	assert_int_equal(db_begin(r->gate, &r->tenant, 1), ERR_OK);
	db_args_init(&args);
	db_arg_ids(&args, tenants, n);
	db_arg_ids(&args, jobs, n);
	db_query(r->gate, &rows, &args);
	db_query(r->gate, &hold, NULL);
	db_commit(r->gate, record_ok, NULL);
	do
		assert_int_equal(db_turn(r->gate, 0), ERR_OK);
	while (race_waiting(r, true) == 0);
}

/* Looks until the actor that was just sent waits behind the before others, or has passed; how many
 * wait then. One that waits for neither is let go after some looks: the order is then Postgres'. */
static inline int64_t race_queued(struct race *r, struct db *db, int64_t before)
{
	int64_t now = before;

	for (int i = 0; i < RACE_LOOKS && now <= before && db_pending(db) > 0; i++) {
		assert_int_equal(db_turn(db, 0), ERR_OK);
		now = race_waiting(r, false);
	}
	return now;
}

#endif
