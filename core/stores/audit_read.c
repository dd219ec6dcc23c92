#include "stores/audit_read.h"

#include "stores/store_call.h"

#include <stdlib.h>

static const struct db_stmt reads_stmt = {.name = "audit_reads",
	.sql = "insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       " select * from unnest($1, $2, $3, $4, $5, $6, $7, $8)"};

static void columns(struct db_args *a, const struct audit_read *reads, size_t n)
{
	DB_COLUMN(a, n, id, reads[i].tenant);
	AUDIT_BY_COLUMNS(a, n, reads[i].by);
	DB_COLUMN(a, n, text, reads[i].action);
	DB_COLUMN(a, n, id_or_null, reads[i].object);
}

static void on_written(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;

	((audit_note_done *)call->done)(call->ctx, e);
	free(call);
}

enum err audit_reads_write(
	struct db *db, const struct audit_read *reads, size_t n, audit_note_done *done, void *ctx)
{
	struct id tenants[AUDIT_READS_MAX];
	struct db_args a;

	if (n == 0 || n > AUDIT_READS_MAX)
		return ERR_TOO_LARGE;
	for (size_t i = 0; i < n; i++)
		tenants[i] = reads[i].tenant;
	db_args_init(&a);
	columns(&a, reads, n);
	return store_call_run(&(struct store_call_ask){db, tenants, n, &reads_stmt, &a, on_written,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}
