#include "stores/event.h"

#include "stores/store_call.h"

#include <stdlib.h>
#include <string.h>

/* $1 worker; $2-$4 tenant, job, fence. The jobs are locked in the order of their ids, so that the
 * next statement sees whether they are still this worker's. */
#define ELEMENTS "unnest($2::uuid[], $3::uuid[], $4::bigint[]"
#define BLOCK	 SQL_NUMBER(EVENT_BLOCK)
#define LEASE                                                                                      \
	"job_lease l where l.worker_id = $1 and l.tenant_id = e.tenant_id and l.job_id = e.job_id" \
	" and l.fence = e.fence limit 1"

static const struct db_stmt APPEND_LOCK = {.name = "event_append_lock",
	.sql = "select count(*) from (select * from " ELEMENTS ") e(tenant_id, job_id, fence)"
	       " where $1::uuid is not null order by job_id) e cross join lateral (select 1 from job j"
	       " where j.tenant_id = e.tenant_id and j.job_id = e.job_id for update) held",
	false};

/* $5 extend, $6 percent, $7 stage, $8 tokens, $9 the element's index. */
static const struct db_stmt APPEND_JOBS = {.name = "event_append_jobs",
	.sql = "with e as materialized (select e.*, l.lease_at, j.at from " ELEMENTS
	       ", $5::bool[], $6::int[], $7::text[], $8::bigint[], $9::int[])"
	       " e(tenant_id, job_id, fence, extend, percent, stage, tokens, i)"
	       " cross join lateral (select ctid as lease_at from " LEASE ") l"
	       " cross join lateral (select ctid as at from job j where j.tenant_id = e.tenant_id"
	       " and j.job_id = e.job_id limit 1) j),"
	       " job as (update job j set version = version + 1,"
	       " event_next = event_next + case when e.extend then " BLOCK " else 0 end,"
	       " progress_percent = e.percent, progress_stage = e.stage, progress_tokens = e.tokens"
	       " from e where j.ctid = e.at),"
	       " lease as (update job_lease l set event_to = event_to + case when e.extend then " BLOCK
	       " else 0 end"
	       " from e where l.ctid = e.lease_at returning e.i, l.event_to)"
	       " select i, event_to from lease",
	false};

/* One row a run: $2-$4 its attempt, $5 number, $6 count, $7 kind, $8 attempt, $9 lengths,
 * $10 text, $11 retention. */
static const struct db_stmt APPEND_RUNS = {.name = "event_append_runs",
	.sql = "insert into job_event (retention, tenant_id, job_id, seq_from, count, fence, kind, attempt,"
	       " lengths, text) select e.retention, e.tenant_id, e.job_id, e.seq, e.count, e.fence, e.kind,"
	       " e.attempt, e.lengths, e.body from " ELEMENTS
	       ", $5::bigint[], $6::int[], $7::text[],"
	       " $8::int[], $9::bytea[], $10::bytea[], $11::int[])"
	       " e(tenant_id, job_id, fence, seq, count, kind, attempt, lengths, body, retention)"
	       " cross join lateral (select 1 from " LEASE ") l on conflict do nothing",
	false};

/* What the record has of runs that were there before: $5 number, $6 retention, $7 the element's
 * index. */
static const struct db_stmt APPEND_KEPT = {.name = "event_append_kept",
	.sql = "select e.i, x.count from " ELEMENTS ", $5::bigint[], $6::int[], $7::int[])"
	       " e(tenant_id, job_id, fence, seq, retention, i) cross join lateral"
	       " (select x.count from job_event x where x.tenant_id = e.tenant_id"
	       " and x.job_id = e.job_id and x.seq_from = e.seq and x.retention = e.retention limit 1) x"
	       " where $1::uuid is not null",
	true};

struct append {
	event_append_done *done;
	void *ctx;
	bool again; /* of some element */
	size_t n;
	struct event_append *batch[];
};

static void kept_take(struct append *append, const struct db_rows *rows)
{
	for (size_t r = 0; r < db_rows_n(rows); r++)
		append->batch[db_int(rows, r, 0)]->written = (size_t)db_int(rows, r, 1);
}

static void append_ended(void *ctx, enum err e, const struct db_reply *reply)
{
	struct append *append = ctx;

	for (size_t i = 0; i < append->n; i++)
		append->batch[i]->outcome = e == ERR_OK ? ERR_LOST : e;
	if (e == ERR_OK && append->again)
		kept_take(append, db_reply_rows(reply, 3));
	if (e == ERR_OK) {
		const struct db_rows *rows = db_reply_rows(reply, 1);

		for (size_t r = 0; r < db_rows_n(rows); r++) {
			struct event_append *one = append->batch[db_int(rows, r, 0)];

			one->outcome = ERR_OK;
			one->event_to = db_int(rows, r, 1);
		}
	}
	append->done(append->ctx, e, append->batch, append->n);
	free(append);
}

/* Which element a run belongs to. */
struct run_of {
	const struct event_append *one;
	const struct event_run *run;
	size_t i; /* the element's index */
};

static void key_columns(struct db_args *args, struct id worker, const struct run_of *of, size_t n)
{
	db_args_init(args);
	db_arg_id(args, worker);
	DB_COLUMN(args, n, id, of[i].one->tenant);
	DB_COLUMN(args, n, id, of[i].one->job);
	DB_COLUMN(args, n, int8, of[i].one->fence);
}

static void job_columns(struct db_args *args, const struct run_of *of, size_t n)
{
	DB_COLUMN(args, n, bool, of[i].one->extend);
	DB_COLUMN(args, n, int4, of[i].one->progress_percent);
	DB_COLUMN(args, n, text, of[i].one->progress_stage);
	DB_COLUMN(args, n, int8, of[i].one->progress_tokens);
	DB_COLUMN(args, n, int4, (int32_t)i);
}

static void run_columns(struct db_args *args, const struct run_of *of, size_t n)
{
	DB_COLUMN(args, n, int8, of[i].run->seq_from);
	DB_COLUMN(args, n, int4, of[i].run->count);
	DB_COLUMN(args, n, text, event_kind_text(of[i].run->kind));
	DB_COLUMN(args, n, int4, of[i].run->attempt);
	DB_COLUMN(args, n, bytes, of[i].run->lengths);
	DB_COLUMN(args, n, bytes, of[i].run->text);
	DB_COLUMN(args, n, int4, (int32_t)id_class(of[i].one->job));
}

static void kept_columns(struct db_args *args, const struct run_of *of, size_t n)
{
	DB_COLUMN(args, n, int8, of[i].run->seq_from);
	DB_COLUMN(args, n, int4, (int32_t)id_class(of[i].one->job));
	DB_COLUMN(args, n, int4, (int32_t)of[i].i);
}

/* of lists the elements first, then the runs; both in one allocation. */
static void append_send(const struct append *append, struct db *db, struct id worker,
	const struct run_of *of, size_t runs)
{
	const size_t n = append->n;
	struct db_args args;

	key_columns(&args, worker, of, n);
	db_query(db, &APPEND_LOCK, &args);
	key_columns(&args, worker, of, n);
	job_columns(&args, of, n);
	db_query(db, &APPEND_JOBS, &args);
	key_columns(&args, worker, of + n, runs);
	run_columns(&args, of + n, runs);
	db_query(db, &APPEND_RUNS, &args);
	if (!append->again)
		return;
	key_columns(&args, worker, of + n, runs);
	kept_columns(&args, of + n, runs);
	db_query(db, &APPEND_KEPT, &args);
}

static size_t append_list(struct event_append *const *batch, size_t n, struct run_of *of)
{
	size_t at = n;

	for (size_t i = 0; i < n; i++) {
		of[i] = (struct run_of){batch[i], NULL, i};
		batch[i]->written = 0;
		for (size_t r = 0; r < batch[i]->runs_n; r++) {
			of[at++] = (struct run_of){batch[i], &batch[i]->runs[r], i};
			batch[i]->written += (size_t)batch[i]->runs[r].count;
		}
	}
	return at - n;
}

static struct id tenant_of(const void *batch, size_t i)
{
	return ((struct event_append *const *)batch)[i]->tenant;
}

static enum err scope_begin(struct db *db, struct event_append *const *batch, size_t n)
{
	struct id *tenants = store_call_tenants(batch, n, tenant_of);
	enum err e = tenants != NULL ? db_begin(db, tenants, n) : ERR_NOMEM;

	free(tenants);
	return e;
}

enum err event_append_batch(struct db *db, struct id worker, struct event_append *const *batch,
	size_t n, event_append_done *done, void *ctx)
{
	struct append *append = malloc(sizeof(*append) + n * sizeof(append->batch[0]));
	struct run_of *of = NULL;
	size_t total = n;
	enum err e = ERR_NOMEM;

	for (size_t i = 0; i < n; i++)
		total += batch[i]->runs_n;
	of = calloc(total + 1, sizeof(*of));
	if (append == NULL || of == NULL)
		goto out;
	e = scope_begin(db, batch, n);
	if (e != ERR_OK)
		goto out;
	append->done = done;
	append->ctx = ctx;
	append->n = n;
	append->again = false;
	for (size_t i = 0; i < n; i++)
		append->again |= batch[i]->again;
	memcpy(append->batch, batch, n * sizeof(batch[0]));
	append_send(append, db, worker, of, append_list(batch, n, of));
	db_commit(db, append_ended, append);
	append = NULL;
out:
	free(append);
	free(of);
	return e;
}
