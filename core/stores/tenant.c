#include "stores/tenant.h"
#include "stores/believed.h"
#include "stores/store_call.h"
#include "stores/subject_key.h"

#include <stdlib.h>

#define COLUMNS "t.tenant_id, t.name, t.created_at, t.retention, t.version"
#define SECRETS "s.match_key, s.webhook_secret, s.callback_origins, " TENANT_KEY_OF("s")

static const struct db_stmt create_stmt = {.name = "tenant_create",
	.sql = "with t as (insert into tenant (tenant_id, name, retention) select $1, $2, $3"
	       "  where" BELIEVED "  on conflict (name) do nothing returning *),"
	       " s as (insert into tenant_setting (tenant_id, match_key, webhook_secret,"
	       " callback_origins) select tenant_id, $4, $5, $6 from t returning *),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select tenant_id, $7, $8, $9, $10, $11, 'tenant.create', tenant_id from t)"
	       " select " COLUMNS ", " SECRETS " from t, s"};

static const struct db_stmt get_stmt = {.name = "tenant_get",
	.sql = "select " COLUMNS ", " SECRETS " from unnest($1) k(tenant_id)"
	       " cross join lateral (select * from tenant t where t.tenant_id ="
	       " k.tenant_id limit 1) t"
	       " cross join lateral (select * from tenant_setting s where s.tenant_id ="
	       " k.tenant_id limit 1) s",
	.reads = true};

static const struct db_stmt list_stmt = {.name = "tenant_list",
	.sql = "with p as materialized (select * from tenant t where t.name > $1 order by t.name limit $2)"
	       " select " COLUMNS ", l.queued, l.waiting, l.running from p t"
	       " left join tenant_loads((select array_agg(tenant_id) from p), $3) l using (tenant_id)"
	       " order by t.name",
	.reads = true};

static const struct db_stmt find_stmt = {.name = "tenant_find",
	.sql = "select " COLUMNS " from tenant t where t.name = $1",
	.reads = true};

static const struct db_stmt patch_stmt = {.name = "tenant_patch",
	.sql = "with t as (update tenant set retention = coalesce($2::int4, retention),"
	       " version = version + 1 where tenant_id = $1 and" BELIEVED " returning *),"
	       " s as (update tenant_setting s set webhook_secret = coalesce($3, s.webhook_secret),"
	       "  callback_origins = coalesce($4, s.callback_origins)"
	       "  from t where s.tenant_id = t.tenant_id and s.tenant_id = $1 returning s.*),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select tenant_id, $5, $6, $7, $8, $9, 'tenant.patch', tenant_id from t)"
	       " select " COLUMNS ", " SECRETS " from t, s"};

/* What stands behind a row's head. */
enum told { TOLD_HEAD, TOLD_SECRETS, TOLD_LOAD };

static void secrets_take(struct tenant *t, const struct db_rows *r, size_t i)
{
	t->match_key = db_value(r, i, 5);
	t->webhook_secret = db_value(r, i, 6);
	t->callback_origins = db_value(r, i, 7);
	t->key = subject_key_take(r, i, 8);
}

static void load_take(struct tenant *t, const struct db_rows *r, size_t i)
{
	t->queued = db_int(r, i, 5);
	t->waiting = db_int(r, i, 6);
	t->running = db_int(r, i, 7);
}

static void rows_tell(struct store_call *call, enum err e, const struct db_rows *r, enum told told,
	enum err when_none)
{
	size_t n = r != NULL ? db_rows_n(r) : 0, i;
	struct tenant *rows;

	if (e == ERR_OK && n == 0)
		e = when_none;
	rows = store_call_rows(&e, n, sizeof(*rows));
	for (i = 0; rows != NULL && i < n; i++) {
		rows[i].id = db_id(r, i, 0);
		rows[i].name = db_text(r, i, 1);
		rows[i].created_ms = db_time(r, i, 2);
		rows[i].retention = (unsigned)db_int(r, i, 3);
		rows[i].version = db_int(r, i, 4);
		if (told == TOLD_SECRETS)
			secrets_take(&rows[i], r, i);
		else if (told == TOLD_LOAD)
			load_take(&rows[i], r, i);
	}
	((tenant_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

static void tell(struct store_call *call, enum err e, const struct db_reply *reply, enum told told,
	enum err when_none)
{
	rows_tell(call, e, e ? NULL : db_reply_rows(reply, 0), told, when_none);
}

static void on_create(void *ctx, enum err e, const struct db_reply *reply)
{
	const struct db_rows *r;

	e = believed_rows(e, reply, &r);
	rows_tell(ctx, e, r, TOLD_SECRETS, ERR_CONFLICT);
}

static void on_get(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, reply, TOLD_SECRETS, ERR_OK);
}

static void on_list(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, reply, TOLD_LOAD, ERR_OK);
}

static void on_find(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, reply, TOLD_HEAD, ERR_OK);
}

static void on_patch(void *ctx, enum err e, const struct db_reply *reply)
{
	const struct db_rows *r;

	e = believed_rows(e, reply, &r);
	rows_tell(ctx, e, r, TOLD_SECRETS, ERR_NOT_FOUND);
}

enum err tenant_create(struct db *db, const struct tenant *t, const struct audit_actor *by,
	tenant_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, t->id);
	db_arg_text(&a, t->name);
	db_arg_int4(&a, (int32_t)t->retention);
	db_arg_bytes(&a, t->match_key);
	db_arg_bytes(&a, t->webhook_secret);
	db_arg_bytes(&a, t->callback_origins);
	audit_by_args(&a, by);
	return believed_run(&(struct store_call_ask){db, &t->id, 1, &create_stmt, &a, on_create,
				    {.done = (store_call_fn *)done, .ctx = ctx}},
		by);
}

enum err tenant_get(struct db *db, const struct id *ids, size_t n, tenant_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_ids(&a, ids, n);
	return store_call_run(&(struct store_call_ask){
		db, ids, n, &get_stmt, &a, on_get, {.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err tenant_list(struct db *db, const char *after, size_t limit, tenant_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_text(&a, after != NULL ? after : "");
	db_arg_int8(&a, (int64_t)limit);
	db_arg_int4(&a, TENANT_COUNT_MAX);
	return store_call_run(&(struct store_call_ask){
		db, NULL, 0, &list_stmt, &a, on_list, {.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err tenant_find(struct db *db, const char *name, tenant_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_text(&a, name);
	return store_call_run(&(struct store_call_ask){
		db, NULL, 0, &find_stmt, &a, on_find, {.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err tenant_patch(struct db *db, struct id tenant, const struct tenant_change *change,
	const struct audit_actor *by, tenant_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	db_arg_int4_if(&a, change->retention >= 0, change->retention);
	db_arg_bytes(&a, change->webhook_secret);
	db_arg_bytes(&a, change->callback_origins);
	audit_by_args(&a, by);
	return believed_run(&(struct store_call_ask){db, &tenant, 1, &patch_stmt, &a, on_patch,
				    {.done = (store_call_fn *)done, .ctx = ctx}},
		by);
}
