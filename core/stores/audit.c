#include "stores/audit.h"
#include "stores/store_call.h"

#include <stdlib.h>

static const struct db_stmt note_stmt = {.name = "audit_note",
	.sql = "insert into audit (tenant_id, " AUDIT_BY ", action, object, reason)"
	       " values (" AUDIT_SYSTEM_SQL ", $1, $2, $3, $4, $5, $6, $7, $8)"};

void audit_by_args(struct db_args *a, const struct audit_actor *by)
{
	db_arg_text(a, by->kind);
	db_arg_id_or_null(a, by->id);
	db_arg_id_or_null(a, by->request);
	db_arg_id_or_null(a, by->credential);
	db_arg_id_or_null(a, by->source);
}

static void on_note(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;

	((audit_note_done *)call->done)(call->ctx, e);
	free(call);
}

enum err audit_note_write(struct db *db, const struct audit_actor *by,
	const struct audit_note *note, audit_note_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	audit_by_args(&a, by);
	db_arg_text(&a, note->action);
	db_arg_id(&a, note->object);
	db_arg_text(&a, note->reason);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &note_stmt,
		.args = &a,
		.on_done = on_note,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}
