#include "stores/app_user.h"

#include "stores/access_sql.h"
#include "stores/store_call.h"

#include <stdlib.h>

#define COLUMNS                                                                       \
	"u.user_id, u.name, coalesce((select string_agg(r.role, ' ' order by r.role)" \
	" from user_role r where r.tenant_id = $1 and r.user_id = u.user_id), ''),"   \
	" u.created_at, u.disabled_at"

static const struct db_stmt list_stmt = {.name = "app_user_list",
	.sql = "select " COLUMNS " from app_user u where u.tenant_id = $1 and u.name > $2"
	       " order by u.name limit $3",
	.reads = true};

static const struct db_stmt find_stmt = {.name = "app_user_find",
	.sql = "select " COLUMNS " from app_user u where u.tenant_id = $1 and u.name = $2",
	.reads = true};

/* $3 id for a new one, $4 name, $5 roles or null, $6 disabled or null, $7.. audit. What a statement
 * writes it does not see: the roles are told as they were given. */
static const struct db_stmt put_stmt = {.name = "app_user_put",
	.sql = ACCESS_MOVE
	", u as (insert into app_user as u (tenant_id, user_id, name, disabled_at)"
	"  select $1, $3, $4, case when $6::int4 = 1 then now() end from v"
	"  on conflict (tenant_id, name) do update set disabled_at ="
	"   case when $6::int4 is null then u.disabled_at when $6 = 1 then coalesce(u.disabled_at, now()) end"
	"  returning *),"
	" i as (insert into user_role (tenant_id, user_id, role) select $1, u.user_id, r.role"
	"  from u cross join unnest($5) r(role) on conflict do nothing),"
	" d as (delete from user_role r using u where r.tenant_id = $1 and r.user_id = u.user_id"
	"  and r.role <> all($5)),"
	" a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	"  select $1, $7, $8, $9, $10, $11, 'user.put', user_id from u)"
	" select u.user_id, u.name, coalesce(array_to_string($5, ' '),"
	"  (select string_agg(r.role, ' ' order by r.role) from user_role r"
	"   where r.tenant_id = $1 and r.user_id = u.user_id), ''), u.created_at, u.disabled_at from u"};

/* $3 from, $4 to, $5 after, $6 limit, $7.. audit. */
static const struct db_stmt move_stmt = {.name = "app_user_move",
	.sql = ACCESS_MOVE
	", p as materialized (select r.user_id from user_role r where r.tenant_id = $1 and r.role = $3"
	"  and ($5::uuid is null or r.user_id > $5) and exists (select from v)"
	"  order by r.tenant_id, r.role, r.user_id limit $6),"
	" d as (delete from user_role r using p where r.tenant_id = $1 and r.user_id = p.user_id"
	"  and r.role = $3),"
	" i as (insert into user_role (tenant_id, user_id, role) select $1, user_id, $4 from p"
	"  on conflict do nothing),"
	" a as (insert into audit (tenant_id, " AUDIT_BY ", action, count)"
	"  select $1, $7, $8, $9, $10, $11, 'user.move_role', count(*) from p having count(*) > 0)"
	" select v.version, (select count(*) from p),"
	"  (select user_id from p order by user_id desc limit 1) from v"};

static void tell(struct store_call *call, enum err e, const struct db_rows *r, enum err when_none)
{
	size_t n = r ? db_rows_n(r) : 0;
	struct app_user *users;

	if (!e && n == 0)
		e = when_none;
	users = store_call_rows(&e, n, sizeof *users);
	for (size_t i = 0; users && i < n; i++)
		users[i] = (struct app_user){
			.id = db_id(r, i, 0),
			.name = db_text(r, i, 1),
			.roles = db_text(r, i, 2),
			.created_ms = db_time(r, i, 3),
			.disabled_ms = db_time(r, i, 4),
		};
	((app_user_done *)call->done)(call->ctx, e, users, users ? n : 0);
	free(users);
	free(call);
}

static void on_read(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, e ? NULL : db_reply_rows(reply, 0), ERR_OK);
}

static void on_put(void *ctx, enum err e, const struct db_reply *reply)
{
	const struct db_rows *r;

	e = believed_rows(e, reply, &r);
	tell(ctx, e, r, ERR_CONFLICT);
}

enum err app_user_list(struct db *db, struct id tenant, const char *after, size_t limit,
	app_user_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	db_arg_text(&a, after ? after : "");
	db_arg_int8(&a, (int64_t)limit);
	return store_call_run(&(struct store_call_ask){db, &tenant, 1, &list_stmt, &a, on_read,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err app_user_find(
	struct db *db, struct id tenant, const char *name, app_user_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	db_arg_text(&a, name);
	return store_call_run(&(struct store_call_ask){db, &tenant, 1, &find_stmt, &a, on_read,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

static void roles_arg(struct db_args *a, const struct app_user_change *change)
{
	if (!change->has_roles) {
		db_arg_texts_null(a);
		return;
	}
	DB_COLUMN(a, change->roles_n, text, change->roles[i]);
}

/* A boolean that may be null travels as a number. */
static void disabled_arg(struct db_args *a, const struct app_user_change *change)
{
	db_arg_int4_if(a, change->has_disabled, change->disabled);
}

enum err app_user_put(struct db *db, const struct app_user_change *change,
	const struct audit_actor *by, app_user_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, change->tenant);
	db_arg_int8(&a, change->version);
	db_arg_id(&a, id_new(0));
	db_arg_text(&a, change->name);
	roles_arg(&a, change);
	disabled_arg(&a, change);
	audit_by_args(&a, by);
	return believed_run(&(struct store_call_ask){db, &change->tenant, 1, &put_stmt, &a, on_put,
				    {.done = (store_call_fn *)done, .ctx = ctx}},
		by);
}

static void on_moved(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r;
	bool moved;

	e = believed_rows(e, reply, &r);
	if (!e && db_rows_n(r) == 0)
		e = ERR_CONFLICT;
	moved = !e;
	((app_user_move_done *)call->done)(call->ctx, e, moved ? db_int(r, 0, 1) : 0,
		moved ? db_id(r, 0, 2) : (struct id){{0}}, moved ? db_int(r, 0, 0) : 0);
	free(call);
}

enum err app_user_move_page(struct db *db, const struct app_user_move *move,
	const struct audit_actor *by, app_user_move_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, move->tenant);
	db_arg_int8(&a, move->version);
	db_arg_text(&a, move->from);
	db_arg_text(&a, move->to);
	db_arg_id_or_null(&a, move->after);
	db_arg_int8(&a, (int64_t)move->limit);
	audit_by_args(&a, by);
	return believed_run(&(struct store_call_ask){db, &move->tenant, 1, &move_stmt, &a, on_moved,
				    {.done = (store_call_fn *)done, .ctx = ctx}},
		by);
}
