/* race_judge.h - the rows of all jobs of a few rounds against what was told of them. */
#ifndef TEST_RACE_JUDGE_H
#define TEST_RACE_JUDGE_H

#include "unit/core/stores/race_world.h"

struct race_rows {
	struct race *race;
	size_t n, open;
};

static inline void race_row_judge(struct race *r, const struct db_rows *rows, size_t i)
{
	struct race_job *job = race_job_of(r, db_id(rows, i, 0));
	const bool completed = db_int(rows, i, 2) != 0;
	int ended = 0;

	race_must(r, job != NULL, "a job of nobody");
	for (int at = 0; at < RACE_FENCES; at++)
		ended += job->ended[at];
	race_must(r, db_int(rows, i, 3) == completed, "not exactly one result of a completed job");
	race_must(r, db_int(rows, i, 4) == 1, "not exactly one final state");
	race_must(r, db_int(rows, i, 5) == 0, "an ended job is ready, due or leased");
	race_must(r, db_int(rows, i, 6) == job->claims, "not one end for every claim");
	race_must(r, db_int(rows, i, 7) == ended, "an acknowledged end is not in the record");
	/* A job that nobody claimed never saw the epoch's base. */
	race_must(r, db_int(rows, i, 8) == (job->claims ? r->base + job->claims : 0),
		"fences do not rise by one");
	race_must(r, job->finals <= 1, "two were told that they ended it");
}

static inline void race_on_rows(void *ctx, enum err e, const struct db_reply *reply)
{
	struct race_rows *told = ctx;
	const struct db_rows *rows = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;

	assert_int_equal(e, ERR_OK);
	told->n = db_rows_n(rows);
	for (size_t i = 0; i < told->n; i++)
		told->open += db_int(rows, i, 1) == 0;
	for (size_t i = 0; told->open == 0 && i < told->n; i++)
		race_row_judge(told->race, rows, i);
}

#define RACE_SAME " tenant_id = j.tenant_id and job_id = j.job_id"

/* Judges when all have ended; says how many have not. */
static inline size_t race_judge(struct race *r)
{
	static const struct db_stmt stmt = {.name = "race_judge",
		.sql = "select j.job_id, j.state in ('completed', 'failed', 'cancelled', 'expired'),"
		       " j.state = 'completed',"
		       " (select count(*) from job_result where" RACE_SAME "),"
		       " (select count(*) from job_done where" RACE_SAME "),"
		       " (select count(*) from job_ready where" RACE_SAME ")"
		       " + (select count(*) from job_due where" RACE_SAME ")"
		       " + (select count(*) from job_lease where" RACE_SAME "),"
		       " (select count(*) from attempt where" RACE_SAME "),"
		       " (select count(*) from attempt where" RACE_SAME " and ended_by = 'holder'),"
		       " j.fence from job j where j.tenant_id = $1",
		.reads = true};
	struct race_rows told = {.race = r};
	struct db_args args;

	assert_int_equal(db_begin(r->producer, &r->tenant, 1), ERR_OK);
	db_args_init(&args);
	db_arg_id(&args, r->tenant);
	db_query(r->producer, &stmt, &args);
	db_commit(r->producer, race_on_rows, &told);
	assert_int_equal(db_wait(r->producer, RECORD_WAIT_MS), ERR_OK);
	race_must(r, told.n == r->jobs_n, "a job is lost");
	return told.open;
}

#endif
