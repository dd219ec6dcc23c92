#include "stores/job_read.h"
#include "stores/job_columns.h"
#include "stores/store_call.h"

#include <stdlib.h>
#include <string.h>

#define KEYS                                                                                \
	" from unnest($1, $2) with ordinality k(tenant_id, job_id, ord) cross join lateral" \
	" (select * from job j where j.tenant_id = k.tenant_id and j.job_id = k.job_id limit 1) j"
static const struct db_stmt peek_stmt = {.name = "job_peek",
	.sql = "select j.tenant_id, j.job_id, j.state::text, j.version, j.event_next, j.fence" KEYS
	       " order by k.ord",
	.reads = true};

static const struct db_stmt near_stmt = {.name = "job_near",
	.sql = "select j.tenant_id, j.job_id, j.principal, coalesce((select q.name from queue q"
	       " where q.queue_id = j.queue_id), ''), j.priority, j.model"
	       " from unnest($1, $2) with ordinality k(tenant_id, job_id, ord)"
	       " left join lateral (select * from job j where j.tenant_id = k.tenant_id"
	       "  and j.job_id >= k.job_id order by j.tenant_id, j.job_id limit 1) j on true"
	       " order by k.ord",
	.reads = true};

/* By the bits of what: more is never wrong, so each set has the least statement that covers it. */
static const struct db_stmt read_stmts[] = {
	{.name = "job_read", .sql = "select " JOB_FACTS KEYS " order by k.ord", .reads = true},
	{.name = "job_read_labels",
		.sql = "select " JOB_FACTS JOB_LABELS KEYS JOB_WITH_INPUT " order by k.ord",
		.reads = true},
	{.name = "job_read_answer",
		.sql = "select " JOB_FACTS JOB_LABELS JOB_ANSWER(JOB_BYTES_ANSWER)
			KEYS JOB_WITH_INPUT JOB_WITH_ANSWER " order by k.ord",
		.reads = true},
	{.name = "job_read_input",
		.sql = "select " JOB_FACTS JOB_LABELS JOB_ANSWER(JOB_BYTES_INPUT)
			JOB_INPUT KEYS JOB_WITH_INPUT JOB_WITH_ANSWER " order by k.ord",
		.reads = true},
};

static void on_peek(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = r != NULL ? db_rows_n(r) : 0, i;
	struct job_row *rows = store_call_rows(&e, n, sizeof(*rows));

	for (i = 0; rows != NULL && i < n; i++)
		rows[i] = (struct job_row){
			.tenant = db_id(r, i, 0),
			.job = db_id(r, i, 1),
			.state = job_state_from_text(db_text(r, i, 2)),
			.version = db_int(r, i, 3),
			.event_next = db_int(r, i, 4),
			.fence = db_int(r, i, 5),
		};
	((job_read_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

static void on_near(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = r != NULL ? db_rows_n(r) : 0, i;
	struct job_row *rows = store_call_rows(&e, n, sizeof(*rows));

	for (i = 0; rows != NULL && i < n; i++)
		rows[i] = (struct job_row){
			.tenant = db_id(r, i, 0),
			.job = db_id(r, i, 1),
			.principal = db_id(r, i, 2),
			.queue = db_text(r, i, 3),
			.priority = (int)db_int(r, i, 4),
			.model = db_text(r, i, 5),
		};
	((job_read_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

/* The keys as two columns, and their tenants as the scope; what: 0 for what has no span and no
 * content. */
static enum err keys_run(struct store_call_ask *ask, const struct job_key *keys, size_t n, int what)
{
	struct id *tenants = store_call_tenants(keys, n, job_key_tenant);
	enum err e = tenants != NULL ? ERR_OK : ERR_NOMEM;

	if (e == ERR_OK) {
		job_keys_args(ask->args, keys, n);
		if (job_level(what) > 0)
			job_span_args(ask->args, keys, n);
		if (job_level(what) > 1)
			db_arg_int8(ask->args, what & JOB_READ_LARGE ? INT64_MAX : JOB_READ_UPTO);
		ask->tenants = tenants;
		ask->tenants_n = n;
		e = store_call_run(ask);
	}
	free(tenants);
	return e;
}

enum err job_read(struct db *db, const struct job_key *keys, size_t n, int what,
	job_read_done *done, void *ctx)
{
	size_t level = job_level(what);
	struct db_args a;

	db_args_init(&a);
	return keys_run(&(struct store_call_ask){.db = db,
				.stmt = &read_stmts[level],
				.args = &a,
				.on_done = job_rows_done,
				.with = {.done = (store_call_fn *)done, .ctx = ctx, .n = level}},
		keys, n, what);
}

/* What has neither span nor content. */
static enum err few_run(struct db *db, const struct db_stmt *stmt, db_done_fn *on_done,
	const struct job_key *keys, size_t n, const struct store_call *with)
{
	struct db_args a;

	db_args_init(&a);
	return keys_run(
		&(struct store_call_ask){
			.db = db, .stmt = stmt, .args = &a, .on_done = on_done, .with = *with},
		keys, n, 0);
}

enum err job_peek(
	struct db *db, const struct job_key *keys, size_t n, job_read_done *done, void *ctx)
{
	return few_run(db, &peek_stmt, on_peek, keys, n,
		&(struct store_call){.done = (store_call_fn *)done, .ctx = ctx});
}

enum err job_near(
	struct db *db, const struct job_key *keys, size_t n, job_read_done *done, void *ctx)
{
	return few_run(db, &near_stmt, on_near, keys, n,
		&(struct store_call){.done = (store_call_fn *)done, .ctx = ctx});
}
