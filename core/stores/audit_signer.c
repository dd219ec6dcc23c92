#include "stores/audit_signer.h"

#include "stores/store_call.h"

#include <stdlib.h>

static const struct db_stmt list_stmt = {.name = "audit_signers",
	.sql = "select name, since, lead(since) over (order by since) as until from audit_signer"
	       " order by since desc limit 64",
	.reads = true};

static void on_signers(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	const size_t n = r != NULL ? db_rows_n(r) : 0;
	struct audit_signer *rows = store_call_rows(&e, n, sizeof *rows);

	for (size_t i = 0; rows != NULL && i < n; i++)
		rows[i] =
			(struct audit_signer){db_text(r, i, 0), db_time(r, i, 1), db_time(r, i, 2)};
	((audit_signer_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

enum err audit_signer_list(struct db *db, audit_signer_done *done, void *ctx)
{
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &list_stmt,
		.on_done = on_signers,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}
