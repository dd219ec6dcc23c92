#include "stores/reseal.h"

#include "stores/store_call.h"
#include "stores/term_work.h"

#include <stdlib.h>
#include <string.h>

#define ZERO "'00000000-0000-0000-0000-000000000000'::uuid"

static const struct db_stmt page_stmt = {.name = "reseal_page",
	.sql = "select s.sealed_at is not null, s.next_at > now(), s.at_tenant, s.after_job,"
	       " (select t.tenant_id from tenant t where t.tenant_id > s.at_tenant"
	       "  order by t.tenant_id limit 1) from record_sealing s",
	.reads = true};
static const struct db_stmt jobs_stmt = {.name = "reseal_jobs",
	.sql = "select j.job_id from record_sealing s cross join lateral (select job_id from job j"
	       "  where j.tenant_id = s.at_tenant and j.job_id > s.after_job order by j.job_id"
	       "  limit " SQL_NUMBER(RESEAL_JOBS) ") j where s.sealed_at is null",
	.reads = true};
static const struct db_stmt match_key_stmt = {
	.name = "reseal_match_key", .sql = "select clear_match_key($1)", .reads = true};
static const struct db_stmt find_stmt = {.name = "reseal_find",
	.sql = "select place, object, part, key_id, subject, value, rest"
	       " from clear_values($1, $2, $3, $4)",
	.reads = true};
static const struct db_stmt put_stmt = {
	.name = "reseal_put", .sql = "select seal_values($1, $2, $3, $4, $5, $6, $7)"};
/* $1 term, $2 $3 where the walk stood, $4 $5 where it goes on, $6 jobs, $7 values. */
static const struct db_stmt move_stmt = {.name = "reseal_move",
	.sql = "with " TERM_SQL ", s as (update record_sealing set at_tenant = $4, after_job = $5,"
	       "  tenants = tenants + (at_tenant <> $4)::int, jobs = jobs + $6, found = found + $7, closed = closed + $7,"
	       "  found_at = case when $7 > 0 then now() else found_at end"
	       "  where " TERM_HELD " and sealed_at is null and at_tenant = $2 and after_job = $3"
	       "  returning 1) select " TERM_REPLY ", (select count(*) from s)"};
/* $4 values. */
static const struct db_stmt end_stmt = {.name = "reseal_end",
	.sql = "with " TERM_SQL ", s as (update record_sealing set at_tenant = " ZERO
	       ", after_job = " ZERO ", tenants = 0, jobs = 0, found = 0, walks = walks + 1,"
	       "  closed = closed + $4, found_at = case when $4 > 0 then now() else found_at end,"
	       "  sealed_at = case when found + $4 = 0"
	       "   and found_at <= now() - interval '" RESEAL_QUIET "' then now() end,"
	       "  next_at = case when found + $4 > 0 then now()"
	       "   else found_at + interval '" RESEAL_QUIET "' end"
	       "  where " TERM_HELD " and sealed_at is null and at_tenant = $2 and after_job = $3"
	       "  returning 1) select " TERM_REPLY ", (select count(*) from s)"};
static const struct db_stmt read_stmt = {.name = "reseal_read",
	.sql = "select sealed_at, walks, tenants, jobs, found, closed, found_at, next_at"
	       " from record_sealing",
	.reads = true};

/* ---- a page of the walk ---- */

static void page_take(struct reseal_page *page, const struct db_reply *reply)
{
	const struct db_rows *state = db_reply_rows(reply, 0), *jobs = db_reply_rows(reply, 1);

	page->sealed = db_int(state, 0, 0) != 0;
	page->rests = db_int(state, 0, 1) != 0;
	page->tenant = db_id(state, 0, 2);
	page->after = db_id(state, 0, 3);
	page->next = db_id(state, 0, 4);
	for (size_t i = 0; i < db_rows_n(jobs) && page->jobs_n < RESEAL_JOBS; i++)
		page->jobs[page->jobs_n++] = db_id(jobs, i, 0);
}

static void on_page(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	struct reseal_page page = {0};

	if (e == ERR_OK)
		page_take(&page, reply);
	((reseal_page_done *)call->done)(call->ctx, e, &page);
	free(call);
}

enum err reseal_page(struct db *db, reseal_page_done *done, void *ctx)
{
	struct store_call *call;
	enum err e = store_call_begin(db, NULL, 0, &call);

	if (e != ERR_OK)
		return e;
	*call = (struct store_call){.done = (store_call_fn *)done, .ctx = ctx, .db = db};
	db_query(db, &page_stmt, NULL);
	db_query(db, &jobs_stmt, NULL);
	db_commit(db, on_page, call);
	return ERR_OK;
}

/* ---- what lies in clear ---- */

static enum err value_take(struct reseal_value *value, const struct db_rows *r, size_t i)
{
	*value = (struct reseal_value){
		.where = {.row = db_id(r, i, 1), .part = db_int(r, i, 2)},
		.has_key = !db_null(r, i, 3),
		.key = db_id(r, i, 3),
		.subject = db_value(r, i, 4),
		.value = db_value(r, i, 5),
	};
	return sealed_place_find(db_text(r, i, 0), &value->where.place) ? ERR_OK : ERR_DB_DATA;
}

static void on_found(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 1) : NULL;
	struct reseal_found found = {0};
	struct reseal_value *values;

	found.n = r != NULL ? db_rows_n(r) : 0;
	values = store_call_rows(&e, found.n, sizeof(*values));
	for (size_t i = 0; e == ERR_OK && i < found.n; i++)
		e = value_take(&values[i], r, i);
	if (e == ERR_OK) {
		found.values = values;
		found.rest = found.n > 0 && db_int(r, 0, 6) != 0;
		found.match_key = db_value(db_reply_rows(reply, 0), 0, 0);
	}
	((reseal_found_done *)call->done)(call->ctx, e, &found);
	free(values);
	free(call);
}

enum err reseal_find(
	struct db *db, const struct reseal_page *page, reseal_found_done *done, void *ctx)
{
	struct db_args a;
	struct store_call *call;
	enum err e = store_call_begin(db, &page->tenant, 1, &call);

	if (e != ERR_OK)
		return e;
	*call = (struct store_call){.done = (store_call_fn *)done, .ctx = ctx, .db = db};
	db_args_init(&a);
	db_arg_id(&a, page->tenant);
	db_query(db, &match_key_stmt, &a);
	db_args_init(&a);
	db_arg_id(&a, page->tenant);
	db_arg_ids(&a, page->jobs, page->jobs_n);
	db_arg_bool(&a, id_is_zero(page->after));
	db_arg_int8(&a, RESEAL_BYTES);
	db_query(db, &find_stmt, &a);
	db_commit(db, on_found, call);
	return ERR_OK;
}

/* ---- sealed in its place ---- */

static void columns_put(struct db_args *a, const struct reseal_step *step)
{
	const struct reseal_value *values = step->values;

	DB_COLUMN(a, step->n, text, sealed_place_text(values[i].where.place));
	DB_COLUMN(a, step->n, id, values[i].where.row);
	DB_COLUMN(a, step->n, int8, values[i].where.part);
	DB_COLUMN(a, step->n, id, values[i].key);
	DB_COLUMN(a, step->n, bytes, values[i].was);
	DB_COLUMN(a, step->n, bytes, values[i].value);
}

static void put_query(struct db *db, struct id tenant, const struct reseal_step *step)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	columns_put(&a, step);
	db_query(db, &put_stmt, &a);
}

static void move_query(
	struct db *db, int64_t term, const struct reseal_page *page, const struct reseal_step *step)
{
	const bool over = id_is_zero(step->tenant);
	struct db_args a;

	db_args_init(&a);
	db_arg_int8(&a, term);
	db_arg_id(&a, page->tenant);
	db_arg_id(&a, page->after);
	if (!over) {
		db_arg_id(&a, step->tenant);
		db_arg_id(&a, step->after);
		db_arg_int8(&a, (int64_t)step->jobs);
	}
	db_arg_int8(&a, (int64_t)step->n);
	db_query(db, over ? &end_stmt : &move_stmt, &a);
}

enum err reseal_store(struct db *db, int64_t term, const struct reseal_page *page,
	const struct reseal_step *step, term_work_done *done, void *ctx)
{
	enum err e = db_begin(db, &page->tenant, 1);

	if (e != ERR_OK)
		return e;
	if (step->n > 0)
		put_query(db, page->tenant, step);
	move_query(db, term, page, step);
	return term_work_commit(db, step->n > 0 ? 2 : 1, done, ctx);
}

/* ---- for operators ---- */

static void on_state(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	struct reseal_state state = {0};

	if (r != NULL)
		state = (struct reseal_state){
			.sealed_ms = db_time(r, 0, 0),
			.walks = db_int(r, 0, 1),
			.tenants = db_int(r, 0, 2),
			.jobs = db_int(r, 0, 3),
			.found = db_int(r, 0, 4),
			.closed = db_int(r, 0, 5),
			.found_ms = db_time(r, 0, 6),
			.next_ms = db_time(r, 0, 7),
		};
	((reseal_state_done *)call->done)(call->ctx, e, &state);
	free(call);
}

enum err reseal_read(struct db *db, reseal_state_done *done, void *ctx)
{
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &read_stmt,
		.on_done = on_state,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}
