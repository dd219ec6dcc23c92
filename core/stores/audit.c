#include "stores/audit.h"
#include "stores/call.h"

#include <stdlib.h>

static const struct db_stmt list_stmt = {.name = "audit_list",
	.sql = "select actor, object, request, actor_kind, action, outcome, at, count"
	       " from audit where tenant_id = $1 and ($2::timestamptz is null or at < $2)"
	       " order by tenant_id desc, at desc limit $3",
	.reads = true};

void audit_args(struct db_args *a, const struct audit_actor *by)
{
	db_arg_text(a, by->kind);
	db_arg_id_or_null(a, by->id);
	db_arg_id_or_null(a, by->request);
}

static void on_list(void *ctx, enum err e, const struct db_reply *reply)
{
	struct call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = r != NULL ? db_rows_n(r) : 0, i;
	struct audit_row *rows = call_rows(&e, n, sizeof(*rows));

	for (i = 0; rows != NULL && i < n; i++)
		rows[i] = (struct audit_row){
			.tenant = call->id,
			.actor = db_id(r, i, 0),
			.object = db_id(r, i, 1),
			.request = db_id(r, i, 2),
			.actor_kind = db_text(r, i, 3),
			.action = db_text(r, i, 4),
			.outcome = db_text(r, i, 5),
			.at_ms = db_time(r, i, 6),
			.count = db_int(r, i, 7),
		};
	((audit_list_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

enum err audit_list(struct db *db, struct id tenant, int64_t before_ms, size_t limit,
	audit_list_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	db_arg_time(&a, before_ms);
	db_arg_int8(&a, (int64_t)limit);
	return call_run(&(struct call_ask){.db = db,
		.tenants = &tenant,
		.tenants_n = 1,
		.stmt = &list_stmt,
		.args = &a,
		.on_done = on_list,
		.with = {.done = (call_fn *)done, .ctx = ctx, .id = tenant}});
}
