#include "stores/tenant_limit.h"

#include "stores/believed.h"
#include "stores/store_call.h"

#include <stdlib.h>

#define COLUMNS "l.weight, l.max_running, l.max_queued, l.queued"

static const struct db_stmt get_stmt = {.name = "tenant_limit_get",
	.sql = "select " COLUMNS " from tenant_limit l where l.tenant_id = $1",
	.reads = true};

static const struct db_stmt patch_stmt = {.name = "tenant_limit_patch",
	.sql = "with l as (insert into tenant_limit as l (tenant_id, weight, max_running, max_queued)"
	       "  select $1, coalesce($2::int4, 1), coalesce($3::int4, 0), coalesce($4::int8, 0)"
	       "  where" BELIEVED
	       "  on conflict (tenant_id) do update set weight = coalesce($2, l.weight),"
	       "   max_running = coalesce($3, l.max_running),"
	       "   max_queued = coalesce($4, l.max_queued) returning *),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select tenant_id, $5, $6, $7, $8, $9, 'tenant.limits', tenant_id from l)"
	       " select " COLUMNS " from l"};

static const struct db_stmt try_stmt = {.name = "tenant_limit_try",
	.sql = "select coalesce(l.weight, 1), coalesce(l.max_running, 0), coalesce(l.max_queued, 0),"
	       " coalesce($2::int4, l.weight, 1), coalesce($3::int4, l.max_running, 0),"
	       " coalesce($4::int8, l.max_queued, 0), n.queued, n.waiting, n.running"
	       " from tenant_loads(array[$1::uuid], $5) n"
	       " left join lateral (select * from tenant_limit l where l.tenant_id = $1) l on true",
	.reads = true};

static void tell(struct store_call *call, enum err e, const struct db_rows *r)
{
	struct tenant_limit limit = {.weight = 1};

	if (r != NULL && db_rows_n(r) > 0)
		limit = (struct tenant_limit){
			.weight = (int32_t)db_int(r, 0, 0),
			.max_running = (int32_t)db_int(r, 0, 1),
			.max_queued = db_int(r, 0, 2),
			.queued = db_int(r, 0, 3),
		};
	((tenant_limit_done *)call->done)(call->ctx, e, e == ERR_OK ? &limit : NULL);
	free(call);
}

static void on_limit(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, e ? NULL : db_reply_rows(reply, 0));
}

static void on_patch(void *ctx, enum err e, const struct db_reply *reply)
{
	const struct db_rows *r;

	e = believed_rows(e, reply, &r);
	tell(ctx, e, r);
}

static void change_args(struct db_args *a, const struct tenant_limit_change *change)
{
	db_arg_int4_if(a, change->has_weight, change->weight);
	db_arg_int4_if(a, change->has_max_running, change->max_running);
	db_arg_int8_if(a, change->has_max_queued, change->max_queued);
}

enum err tenant_limit_patch(struct db *db, struct id tenant,
	const struct tenant_limit_change *change, const struct audit_actor *by,
	tenant_limit_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	change_args(&a, change);
	audit_by_args(&a, by);
	return believed_run(&(struct store_call_ask){db, &tenant, 1, &patch_stmt, &a, on_patch,
				    {.done = (store_call_fn *)done, .ctx = ctx}},
		by);
}

static struct tenant_limit limit_at(const struct db_rows *r, int col)
{
	return (struct tenant_limit){.weight = (int32_t)db_int(r, 0, col),
		.max_running = (int32_t)db_int(r, 0, col + 1),
		.max_queued = db_int(r, 0, col + 2)};
}

static void on_try(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e ? NULL : db_reply_rows(reply, 0);
	struct tenant_limit_trial trial = {.queued = 0};

	if (r)
		trial = (struct tenant_limit_trial){.before = limit_at(r, 0),
			.after = limit_at(r, 3),
			.queued = db_int(r, 0, 6),
			.waiting = db_int(r, 0, 7),
			.running = db_int(r, 0, 8)};
	((tenant_limit_trial_done *)call->done)(call->ctx, e, r ? &trial : NULL);
	free(call);
}

enum err tenant_limit_try(struct db *db, struct id tenant, const struct tenant_limit_change *change,
	tenant_limit_trial_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	change_args(&a, change);
	db_arg_int4(&a, TENANT_LIMIT_COUNT_MAX);
	return store_call_run(&(struct store_call_ask){db, &tenant, 1, &try_stmt, &a, on_try,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err tenant_limit_get(struct db *db, struct id tenant, tenant_limit_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	return store_call_run(&(struct store_call_ask){db, &tenant, 1, &get_stmt, &a, on_limit,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}
