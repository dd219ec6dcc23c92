#include "stores/limit_plan.h"

#include "stores/believed.h"
#include "stores/store_call.h"

#include <stdlib.h>

#define ROWS_LIMIT "4096"
#define PAGE_LIMIT "1000"
_Static_assert(LIMIT_ROWS_MAX == 4096 && LIMIT_TENANTS_PAGE == 1000, "as the texts say");

#define COLUMNS "l.plan, l.level, l.role, l.requests, l.window_s, l.burst"

static const struct db_stmt list_stmt = {.name = "limit_list",
	.sql = "select " COLUMNS
	       " from limit_plan l order by l.plan, l.level, l.role limit " ROWS_LIMIT,
	.reads = true};

#define VERSION                                                                                \
	"(select md5(coalesce(string_agg(v::text, ' ' order by v.plan, v.level, v.role), ''))" \
	" from limit_plan v)"

static const struct db_stmt version_stmt = {
	.name = "limit_version", .sql = "select " VERSION, .reads = true};

/* One change at a time: the next one sees what this one has committed. */
static const struct db_stmt turn_stmt = {
	.name = "limit_turn", .sql = "select pg_advisory_xact_lock(720713003)"};

static const struct db_stmt tokens_stmt = {.name = "limit_tokens",
	.sql = "select " COLUMNS " from limit_plan l where l.level like 'tokens%'"
	       " order by l.plan, l.level, l.role limit " ROWS_LIMIT,
	.reads = true};

/* Behind the mark in the order of the changes; a mark comes even where nothing changed. */
static const struct db_stmt tenants_stmt = {.name = "limit_tenants",
	.sql = "select m.mark, t.tenant_id, t.plan, t.changed_by from"
	       " (select pg_snapshot_xmin(pg_current_snapshot())::text::int8 as mark) m"
	       " left join lateral (select * from tenant_plan t where (t.changed_by, t.tenant_id) > ($1, $2)"
	       "  order by t.changed_by, t.tenant_id limit " PAGE_LIMIT ") t on true",
	.reads = true};

static const struct db_stmt producers_stmt = {.name = "limit_producers",
	.sql = "select count(*) from process where program = 'producer'"
	       " and seen_at > now() - interval '30 seconds'",
	.reads = true};

/* A plan's word counts for those who have it; the default's for all but those whose own plan says
 * something of that level itself. */
#define TENANTS_HELD                                                                  \
	"case when $1 = '" LIMIT_PLAN_DEFAULT "' then (select count(*) from tenant)"  \
	" - (select count(*) from tenant_plan p join limit_plan o on o.plan = p.plan" \
	"  and o.level = $2 and o.role = $3 where p.plan <> $1)"                      \
	" else (select count(*) from tenant_plan where plan = $1) end"

static const struct db_stmt look_stmt = {.name = "limit_look",
	.sql = "select " TENANTS_HELD ", l.requests, l.window_s, l.burst from (values (1)) one"
	       " left join limit_plan l on l.plan = $1 and l.level = $2 and l.role = $3",
	.reads = true};

static const struct db_stmt set_stmt = {.name = "limit_set",
	.sql = "with l as (insert into limit_plan as l (plan, level, role, requests, window_s, burst)"
	       "  select $1, $2, $3, $4, $5, $6 where " VERSION " = $7 and" BELIEVED
	       "   and ((select count(*) from (select from limit_plan limit " ROWS_LIMIT
	       "    ) n) < " ROWS_LIMIT
	       "    or exists (select from limit_plan where plan = $1 and level = $2 and role = $3))"
	       "  on conflict (plan, level, role) do update set requests = excluded.requests,"
	       "   window_s = excluded.window_s, burst = excluded.burst returning *),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select " AUDIT_SYSTEM_SQL ", $8, $9, $10, $11, $12, 'limit.set', limit_id from l)"
	       " select limit_id from l"};

static const struct db_stmt remove_stmt = {.name = "limit_remove",
	.sql = "with l as (delete from limit_plan where plan = $1 and level = $2 and role = $3"
	       "  and " VERSION " = $4 and" BELIEVED " returning *),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select " AUDIT_SYSTEM_SQL ", $5, $6, $7, $8, $9, 'limit.remove', limit_id from l)"
	       " select limit_id from l"};

static const struct db_stmt plan_stmt = {.name = "limit_tenant_get",
	.sql = "select plan from tenant_plan where tenant_id = $1",
	.reads = true};

static const struct db_stmt try_stmt = {.name = "limit_tenant_try",
	.sql = "select (select plan from tenant_plan where tenant_id = $1) where $2::text is null"
	       " or exists (select from limit_plan where plan = $2)",
	.reads = true};

static const struct db_stmt give_stmt = {.name = "limit_tenant_set",
	.sql = "with t as (insert into tenant_plan as t (tenant_id, plan) select $1, $2::text"
	       "  where ($2 is null or exists (select from limit_plan where plan = $2)) and" BELIEVED
	       "  on conflict (tenant_id) do update set plan = excluded.plan,"
	       "   changed_by = pg_current_xact_id()::text::int8 returning *),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select tenant_id, $3, $4, $5, $6, $7, 'tenant.plan', tenant_id from t)"
	       " select (select plan from tenant_plan where tenant_id = $1) from t"};

/* ---- rows ---- */

static struct limit_row row_read(const struct db_rows *r, size_t i)
{
	return (struct limit_row){
		.plan = db_text(r, i, 0),
		.level = limit_level_from_text(db_text(r, i, 1)),
		.role = db_text(r, i, 2),
		.limit = {.amount = db_int(r, i, 3),
			.window_s = (int32_t)db_int(r, i, 4),
			.burst = db_int(r, i, 5)},
	};
}

static struct limit_row *rows_read(const struct db_rows *r, enum err *e, size_t *ret_n)
{
	const size_t n = r ? db_rows_n(r) : 0;
	struct limit_row *rows = store_call_rows(e, n, sizeof *rows);

	for (size_t i = 0; rows && i < n; i++)
		rows[i] = row_read(r, i);
	*ret_n = rows ? n : 0;
	return rows;
}

static void on_list(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	size_t n = 0;
	struct limit_row *rows = rows_read(e ? NULL : db_reply_rows(reply, 1), &e, &n);

	((limit_rows_done *)call->done)(
		call->ctx, e, rows, n, e ? NULL : db_text(db_reply_rows(reply, 0), 0, 0));
	free(rows);
	free(call);
}

/* The version first: what changes in between makes it old. */
enum err limit_plan_list(struct db *db, limit_rows_done *done, void *ctx)
{
	struct store_call *call;
	enum err e = store_call_begin(db, NULL, 0, &call);

	if (e)
		return e;
	call->done = (store_call_fn *)done;
	call->ctx = ctx;
	db_query(db, &version_stmt, NULL);
	db_query(db, &list_stmt, NULL);
	db_commit(db, on_list, call);
	return ERR_OK;
}

/* ---- news ---- */

enum { REPLY_ROWS, REPLY_TENANTS, REPLY_PRODUCERS };

static void marks_read(const struct db_rows *r, struct limit_news *news)
{
	news->oldest = db_int(r, 0, 0);
	news->has_more = news->tenants_n == LIMIT_TENANTS_PAGE;
	if (news->has_more)
		news->last = (struct limit_mark){db_int(r, news->tenants_n - 1, 3),
			news->tenants[news->tenants_n - 1].tenant};
}

static struct limit_tenant *tenants_read(
	const struct db_rows *r, enum err *e, struct limit_news *news)
{
	const size_t n = r ? db_rows_n(r) : 0;
	struct limit_tenant *tenants = store_call_rows(e, n, sizeof *tenants);

	for (size_t i = 0; tenants && i < n; i++)
		if (!db_null(r, i, 1))
			tenants[news->tenants_n++] =
				(struct limit_tenant){db_id(r, i, 1), db_text(r, i, 2)};
	news->tenants = tenants;
	if (tenants)
		marks_read(r, news);
	return tenants;
}

static const struct db_rows *rows_of(const struct db_reply *reply, size_t i)
{
	return reply && i < db_reply_n(reply) ? db_reply_rows(reply, i) : NULL;
}

static void on_news(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	struct limit_news news = {.producers = 1};
	struct limit_row *rows = rows_read(rows_of(reply, REPLY_ROWS), &e, &news.rows_n);
	struct limit_tenant *tenants = tenants_read(rows_of(reply, REPLY_TENANTS), &e, &news);
	const struct db_rows *producers = e ? NULL : rows_of(reply, REPLY_PRODUCERS);

	if (producers && db_int(producers, 0, 0) > 1)
		news.producers = db_int(producers, 0, 0);
	news.rows = rows;
	((limit_news_done *)call->done)(call->ctx, e, e ? NULL : &news);
	free(tenants);
	free(rows);
	free(call);
}

/* In the order of the replies; without a mark nobody's plan is asked for. */
static enum err news_ask(struct db *db, const struct db_stmt *rows, const struct limit_mark *mark,
	const struct db_stmt *producers, const struct store_call *with)
{
	struct store_call *call;
	struct db_args a;
	enum err e = store_call_begin(db, NULL, 0, &call);

	if (e)
		return e;
	call->done = with->done;
	call->ctx = with->ctx;
	db_query(db, rows, NULL);
	if (mark) {
		db_args_init(&a);
		db_arg_int8(&a, mark->change);
		db_arg_id(&a, mark->tenant);
		db_query(db, &tenants_stmt, &a);
	}
	if (producers)
		db_query(db, producers, NULL);
	db_commit(db, on_news, call);
	return ERR_OK;
}

enum err limit_plan_news(
	struct db *db, const struct limit_mark *mark, limit_news_done *done, void *ctx)
{
	return news_ask(db, &list_stmt, mark, &producers_stmt,
		&(struct store_call){.done = (store_call_fn *)done, .ctx = ctx});
}

enum err limit_token_news(
	struct db *db, const struct limit_mark *mark, limit_news_done *done, void *ctx)
{
	return news_ask(db, &tokens_stmt, mark, NULL,
		&(struct store_call){.done = (store_call_fn *)done, .ctx = ctx});
}

/* Behind this page, or from the oldest transaction as it was when the first page of this time was
 * read. */
void limit_reading_move(struct limit_reading *at, const struct limit_news *news)
{
	if (!at->paging)
		at->oldest = news->oldest;
	at->paging = news->has_more;
	at->mark = news->has_more ? news->last : (struct limit_mark){.change = at->oldest};
}

/* ---- changes ---- */

static void key_args(struct db_args *a, const struct limit_row *row)
{
	db_args_init(a);
	db_arg_text(a, row->plan);
	db_arg_text(a, limit_level_text(row->level));
	db_arg_text(a, row->role);
}

static void write_query(struct db *db, const struct limit_change *change)
{
	struct db_args a;

	key_args(&a, &change->row);
	if (!change->remove) {
		db_arg_int8(&a, change->row.limit.amount);
		db_arg_int4(&a, change->row.limit.window_s);
		db_arg_int8(&a, change->row.limit.burst);
	}
	db_arg_text(&a, change->version);
	audit_by_args(&a, &change->by);
	db_query(db, change->remove ? &remove_stmt : &set_stmt, &a);
}

static struct limit_effect effect_read(const struct db_rows *r)
{
	return (struct limit_effect){
		.tenants = db_int(r, 0, 0),
		.was = !db_null(r, 0, 1),
		.before = {.amount = db_int(r, 0, 1),
			.window_s = (int32_t)db_int(r, 0, 2),
			.burst = db_int(r, 0, 3)},
	};
}

/* What a change's transaction answers, in order; of a dry run the first two. */
enum { CHANGE_TURN, CHANGE_LOOK, CHANGE_ASKED, CHANGE_WROTE = CHANGE_ASKED + BELIEVED_REPLIES };

static void on_effect(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const bool removes = call->n != 0, wrote = !e && db_reply_n(reply) > CHANGE_ASKED;
	struct limit_effect effect = {.was = false};

	if (!e)
		effect = effect_read(db_reply_rows(reply, CHANGE_LOOK));
	if (wrote)
		e = believed_told(e, reply, CHANGE_ASKED);
	if (!e && removes && !effect.was)
		e = ERR_NOT_FOUND;
	else if (!e && wrote && db_rows_n(db_reply_rows(reply, CHANGE_WROTE)) == 0)
		e = ERR_CONFLICT;
	((limit_effect_done *)call->done)(call->ctx, e, e ? NULL : &effect);
	free(call);
}

enum err limit_plan_change(
	struct db *db, const struct limit_change *change, limit_effect_done *done, void *ctx)
{
	struct db_args a;
	struct store_call *call;
	enum err e = store_call_begin(db, NULL, 0, &call);

	if (e)
		return e;
	call->done = (store_call_fn *)done;
	call->ctx = ctx;
	call->n = change->remove;
	db_query(db, &turn_stmt, NULL);
	key_args(&a, &change->row);
	db_query(db, &look_stmt, &a);
	if (!change->dry_run) {
		believed_ask(db, &change->by);
		write_query(db, change);
	}
	db_commit(db, on_effect, call);
	return ERR_OK;
}

/* ---- a tenant's ---- */

static void plan_tell(struct store_call *call, enum err e, const struct db_rows *r)
{
	const bool sets = call->n != 0, found = r && db_rows_n(r) > 0;

	if (!e && sets && !found)
		e = ERR_NOT_FOUND;
	((limit_tenant_done *)call->done)(call->ctx, e, found ? db_text(r, 0, 0) : "");
	free(call);
}

static void on_plan(void *ctx, enum err e, const struct db_reply *reply)
{
	plan_tell(ctx, e, e ? NULL : db_reply_rows(reply, 0));
}

static void on_plan_set(void *ctx, enum err e, const struct db_reply *reply)
{
	const struct db_rows *r;

	e = believed_rows(e, reply, &r);
	plan_tell(ctx, e, r);
}

enum err limit_tenant_get(struct db *db, struct id tenant, limit_tenant_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	return store_call_run(&(struct store_call_ask){db, &tenant, 1, &plan_stmt, &a, on_plan,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err limit_tenant_set(struct db *db, struct id tenant, const char *plan,
	const struct audit_actor *by, limit_tenant_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	db_arg_text(&a, plan);
	audit_by_args(&a, by);
	return believed_run(&(struct store_call_ask){db, &tenant, 1, &give_stmt, &a, on_plan_set,
				    {.done = (store_call_fn *)done, .ctx = ctx, .n = 1}},
		by);
}

enum err limit_tenant_try(
	struct db *db, struct id tenant, const char *plan, limit_tenant_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	db_arg_text(&a, plan);
	return store_call_run(&(struct store_call_ask){db, &tenant, 1, &try_stmt, &a, on_plan,
		{.done = (store_call_fn *)done, .ctx = ctx, .n = 1}});
}
