#include "stores/review.h"

#include "stores/job_columns.h"
#include "stores/job_key_sql.h"
#include "stores/store_call.h"

#include <stdlib.h>

static const struct db_stmt list_stmt = {.name = "review_list",
	.sql = "select d.tenant_id, d.job_id, t.name, q.name, j.kind, coalesce(j.model, ''),"
	       " j.created_at, j.deadline_at from job_due d join job j on " JOB_KEYED(
		       "d") " left join tenant t on t.tenant_id = d.tenant_id"
			    " left join queue q on q.queue_id = d.queue_id where d.review"
			    " and (d.tenant_id, d.job_id) > ($1, $2)"
			    " and (cardinality($3::uuid[]) = 0 or d.job_id = any($3))"
			    " and j.state = 'waiting' and j.waiting_for = 'review'"
			    " order by d.tenant_id, d.job_id limit " SQL_NUMBER(REVIEW_PAGE),
	.reads = true};

/* What else becomes of the row is the leader's (due.c). */
static const struct db_stmt release_stmt = {.name = "review_release",
	.sql = "with moved as (update job_due d set due_at = now(), review = false"
	       "  from unnest($1::uuid[], $2::uuid[]) k(tenant_id, job_id)"
	       "  where d.tenant_id = any(array[k.tenant_id]) and d.job_id = k.job_id and d.review"
	       "  returning d.tenant_id, d.job_id),"
	       " noted as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select tenant_id, $3, $4, $5, $6, $7, 'job.release', job_id from moved)"
	       " select count(*) from moved"};

static const struct db_stmt history_stmt = {.name = "history_list",
	.sql = "select made_at, history_ends_at, system_identifier, timeline, held, reviewed,"
	       " (select count(*) from job_due where review)"
	       " from record_epoch order by fence_base desc",
	.reads = true};

/* ---- what waits ---- */

static void on_list(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	const size_t n = r ? db_rows_n(r) : 0;
	struct review *rows = store_call_rows(&e, n, sizeof(*rows));

	for (size_t i = 0; rows != NULL && i < n; i++)
		rows[i] = (struct review){
			.key = {.tenant = db_id(r, i, 0), .job = db_id(r, i, 1)},
			.tenant = db_text(r, i, 2),
			.queue = db_text(r, i, 3),
			.kind = db_text(r, i, 4),
			.model = db_text(r, i, 5),
			.created_ms = db_time(r, i, 6),
			.deadline_ms = db_time(r, i, 7),
		};
	((review_list_done *)call->done)(call->ctx, e, rows, rows ? n : 0);
	free(rows);
	free(call);
}

enum err review_list(struct db *db, struct job_key after, const struct id *wanted, size_t wanted_n,
	review_list_done *done, void *ctx)
{
	struct db_args args;

	db_args_init(&args);
	db_arg_id(&args, after.tenant);
	db_arg_id(&args, after.job);
	db_arg_ids(&args, wanted, wanted_n);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &list_stmt,
		.args = &args,
		.on_done = on_list,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}

static struct id tenant_of(const void *batch, size_t i)
{
	return ((const struct job_key *)batch)[i].tenant;
}

static void on_release(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const size_t n = e == ERR_OK ? (size_t)db_int(db_reply_rows(reply, 0), 0, 0) : 0;

	((review_release_done *)call->done)(call->ctx, e, n);
	free(call);
}

enum err review_release(struct db *db, const struct job_key *keys, size_t n,
	const struct audit_actor *by, review_release_done *done, void *ctx)
{
	struct id *tenants = n <= REVIEW_PAGE ? store_call_tenants(keys, n, tenant_of) : NULL;
	struct db_args args;
	enum err e;

	if (n > REVIEW_PAGE)
		return ERR_TOO_LARGE;
	if (tenants == NULL)
		return ERR_NOMEM;
	db_args_init(&args);
	job_keys_args(&args, keys, n);
	audit_by_args(&args, by);
	e = store_call_run(&(struct store_call_ask){.db = db,
		.tenants = tenants,
		.tenants_n = n,
		.stmt = &release_stmt,
		.args = &args,
		.on_done = on_release,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
	free(tenants);
	return e;
}

/* ---- histories ---- */

static void on_history(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	const size_t n = r ? db_rows_n(r) : 0;
	struct history *rows = store_call_rows(&e, n, sizeof(*rows));

	for (size_t i = 0; rows != NULL && i < n; i++)
		rows[i] = (struct history){
			.made_ms = db_time(r, i, 0),
			.before_ends_ms = db_time(r, i, 1),
			.system_identifier = (uint64_t)db_int(r, i, 2),
			.timeline = (uint32_t)db_int(r, i, 3),
			.held = db_int(r, i, 4),
			.reviewed = db_int(r, i, 5) != 0,
			.waits = i == 0 ? db_int(r, i, 6) : 0,
		};
	((history_list_done *)call->done)(call->ctx, e, rows, rows ? n : 0);
	free(rows);
	free(call);
}

enum err history_list(struct db *db, history_list_done *done, void *ctx)
{
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &history_stmt,
		.on_done = on_history,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}
