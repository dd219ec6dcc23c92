#include "stores/role.h"

#include "stores/access_sql.h"
#include "stores/store_call.h"

#include <stdlib.h>

/* $3 name, $4 parents, $5 rules, $6 actor's kind, $7 actor, $8 request. Rows are numbered: those
 * that stay are overwritten, those beyond the new end go. */
static const struct db_stmt put_stmt = {.name = "role_put",
	.sql = ACCESS_MOVE
	", r as (insert into role (tenant_id, name) select $1, $3 from v"
	"  on conflict (tenant_id, name) do update set name = excluded.name returning role_id),"
	" p as (insert into role_parent (tenant_id, role, number, parent)"
	"  select $1, $3, u.number, u.parent from r cross join unnest($4) with ordinality u(parent, number)"
	"  on conflict (tenant_id, role, number) do update set parent = excluded.parent),"
	" g as (insert into role_grant (tenant_id, role, number, rule)"
	"  select $1, $3, u.number, u.rule from r cross join unnest($5) with ordinality u(rule, number)"
	"  on conflict (tenant_id, role, number) do update set rule = excluded.rule),"
	" dp as (delete from role_parent where tenant_id = $1 and role = $3"
	"  and number > cardinality($4) and exists (select from v)),"
	" dg as (delete from role_grant where tenant_id = $1 and role = $3"
	"  and number > cardinality($5) and exists (select from v)),"
	" a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	"  select $1, $6, $7, $8, $9, $10, 'role.put', role_id from r)"
	" select version from v"};

static const struct db_stmt remove_stmt = {.name = "role_remove",
	.sql = ACCESS_MOVE ", r as (delete from role where tenant_id = $1 and name = $3"
			   "  and exists (select from v) returning role_id),"
			   " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
			   "  select $1, $4, $5, $6, $7, $8, 'role.remove', role_id from r)"
			   " select version from v"};

static const struct db_stmt holders_stmt = {.name = "role_holders",
	.sql = "select (select count(*) from (select from user_role where tenant_id = $1"
	       "  and role = $2 limit $3) u), (select count(*) from (select from api_key"
	       "  where tenant_id = $1 and revoked_at is null and user_id is null"
	       "  and $2 = any(coalesce(roles, array['service'])) limit $3) k)",
	.reads = true};

/* No version came back: it had moved. */
static void on_change(void *ctx, enum err e, const struct db_reply *reply)
{
	const struct db_rows *versions;
	struct store_call *call = ctx;

	e = believed_rows(e, reply, &versions);
	if (!e && db_rows_n(versions) == 0)
		e = ERR_CONFLICT;
	((role_done *)call->done)(call->ctx, e);
	free(call);
}

static void texts_arg(struct db_args *a, const char *const *texts, size_t n)
{
	DB_COLUMN(a, n, text, texts[i]);
}

static void head_args(struct db_args *a, const struct role_change *change)
{
	db_args_init(a);
	db_arg_id(a, change->tenant);
	db_arg_int8(a, change->version);
	db_arg_text(a, change->name);
}

enum err role_put(struct db *db, const struct role_change *change, const struct audit_actor *by,
	role_done *done, void *ctx)
{
	struct db_args a;

	head_args(&a, change);
	texts_arg(&a, change->parents, change->parents_n);
	texts_arg(&a, change->rules, change->rules_n);
	audit_by_args(&a, by);
	return believed_run(&(struct store_call_ask){db, &change->tenant, 1, &put_stmt, &a,
				    on_change, {.done = (store_call_fn *)done, .ctx = ctx}},
		by);
}

enum err role_remove(struct db *db, const struct role_change *change, const struct audit_actor *by,
	role_done *done, void *ctx)
{
	struct db_args a;

	head_args(&a, change);
	audit_by_args(&a, by);
	return believed_run(&(struct store_call_ask){db, &change->tenant, 1, &remove_stmt, &a,
				    on_change, {.done = (store_call_fn *)done, .ctx = ctx}},
		by);
}

static void on_holders(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e ? NULL : db_reply_rows(reply, 0);

	((role_holders_done *)call->done)(
		call->ctx, e, r ? db_int(r, 0, 0) : 0, r ? db_int(r, 0, 1) : 0);
	free(call);
}

enum err role_holders(
	struct db *db, struct id tenant, const char *role, role_holders_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	db_arg_text(&a, role);
	db_arg_int8(&a, ROLE_HOLDERS_MAX);
	return store_call_run(&(struct store_call_ask){db, &tenant, 1, &holders_stmt, &a,
		on_holders, {.done = (store_call_fn *)done, .ctx = ctx}});
}
