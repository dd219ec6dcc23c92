#include "stores/tenant_limit.h"

#include "stores/store_call.h"

#include <stdlib.h>

#define COLUMNS "l.weight, l.max_running, l.max_queued, l.queued"

static const struct db_stmt get_stmt = {.name = "tenant_limit_get",
	.sql = "select " COLUMNS " from tenant_limit l where l.tenant_id = $1",
	.reads = true};

static const struct db_stmt patch_stmt = {.name = "tenant_limit_patch",
	.sql = "with l as (insert into tenant_limit as l (tenant_id, weight, max_running, max_queued)"
	       "  values ($1, coalesce($2::int4, 1), coalesce($3::int4, 0), coalesce($4::int8, 0))"
	       "  on conflict (tenant_id) do update set weight = coalesce($2, l.weight),"
	       "   max_running = coalesce($3, l.max_running),"
	       "   max_queued = coalesce($4, l.max_queued) returning *),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select tenant_id, $5, $6, $7, $8, $9, 'tenant.limits', tenant_id from l)"
	       " select " COLUMNS " from l"};

static void on_limit(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
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

enum err tenant_limit_patch(struct db *db, struct id tenant,
	const struct tenant_limit_change *change, const struct audit_actor *by,
	tenant_limit_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	db_arg_int4_if(&a, change->has_weight, change->weight);
	db_arg_int4_if(&a, change->has_max_running, change->max_running);
	db_arg_int8_if(&a, change->has_max_queued, change->max_queued);
	audit_by_args(&a, by);
	return store_call_run(&(struct store_call_ask){db, &tenant, 1, &patch_stmt, &a, on_limit,
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
