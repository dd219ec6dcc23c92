#include "stores/term_work.h"

#include "stores/store_call.h"

#include <stdlib.h>

static void work_ended(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	size_t n = 0;

	if (e == ERR_OK) {
		const struct db_rows *rows = db_reply_rows(reply, call->n - 1);

		n = (size_t)db_int(rows, 0, 1);
		e = db_int(rows, 0, 0) == 1 ? ERR_OK : ERR_LOST;
	}
	((term_work_done *)call->done)(call->ctx, e, n);
	free(call);
}

enum err term_work_commit(struct db *db, size_t statements, term_work_done *done, void *ctx)
{
	struct store_call *call = calloc(1, sizeof(*call));

	if (call == NULL) {
		db_abandon(db);
		return ERR_NOMEM;
	}
	*call = (struct store_call){.done = (store_call_fn *)done, .ctx = ctx, .n = statements};
	db_commit(db, work_ended, call);
	return ERR_OK;
}

enum err term_work_run(struct db *db, const struct db_stmt *stmt, int64_t term, size_t limit,
	term_work_done *done, void *ctx)
{
	struct db_args args;
	enum err e = db_begin(db, NULL, 0);

	if (e != ERR_OK)
		return e;
	db_args_init(&args);
	db_arg_int8(&args, term);
	db_arg_int8(&args, (int64_t)limit);
	db_query(db, stmt, &args);
	return term_work_commit(db, 1, done, ctx);
}
