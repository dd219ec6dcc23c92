#include "stores/audit_refusal.h"

#include "stores/store_call.h"

#include <stdlib.h>

static const struct db_stmt refusals_stmt = {.name = "audit_refusals",
	.sql = "insert into audit (tenant_id, " AUDIT_BY ", action, reason, count, outcome)"
	       " select r.*, 'refused' from unnest($1, $2, $3, $4, $5, $6, $7, $8, $9) r"};

static void columns(struct db_args *a, const struct audit_refusal *rows, size_t n)
{
	DB_COLUMN(a, n, id, rows[i].tenant);
	AUDIT_BY_COLUMNS(a, n, rows[i].by);
	DB_COLUMN(a, n, text, rows[i].action);
	DB_COLUMN(a, n, text, rows[i].reason);
	DB_COLUMN(a, n, int4, rows[i].count);
}

static void on_written(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;

	((audit_note_done *)call->done)(call->ctx, e);
	free(call);
}

enum err audit_refusals_write(struct db *db, const struct audit_refusal *refusals, size_t n,
	audit_note_done *done, void *ctx)
{
	struct id tenants[AUDIT_REFUSALS_MAX];
	struct db_args a;

	if (n == 0 || n > AUDIT_REFUSALS_MAX)
		return ERR_TOO_LARGE;
	for (size_t i = 0; i < n; i++)
		tenants[i] = refusals[i].tenant;
	db_args_init(&a);
	columns(&a, refusals, n);
	return store_call_run(&(struct store_call_ask){.db = db,
		.tenants = tenants,
		.tenants_n = n,
		.stmt = &refusals_stmt,
		.args = &a,
		.on_done = on_written,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}
