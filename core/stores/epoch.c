#include "stores/epoch.h"
#include "stores/store_call.h"

#include <stdlib.h>

static const struct db_stmt pin_stmt = {.name = "epoch_pin",
	.sql = "select system_identifier, timeline, fence_base, fresh, history_ends_at, held"
	       " from epoch_pin($1)"};

static void on_pin(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	struct epoch epoch = {0};
	const struct db_rows *r;

	if (e == ERR_OK) {
		r = db_reply_rows(reply, 0);
		epoch.system_identifier = (uint64_t)db_int(r, 0, 0);
		epoch.timeline = (uint32_t)db_int(r, 0, 1);
		epoch.fence_base = db_int(r, 0, 2);
		epoch.fresh = db_int(r, 0, 3) != 0;
		epoch.history_ends_ms = db_time(r, 0, 4);
		epoch.held = db_int(r, 0, 5);
	}
	((epoch_pin_done *)call->done)(call->ctx, e, e == ERR_OK ? &epoch : NULL);
	free(call);
}

enum err epoch_pin(struct db *db, bool rerun, epoch_pin_done *done, void *ctx)
{
	struct db_args args;

	db_args_init(&args);
	db_arg_bool(&args, rerun);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &pin_stmt,
		.args = &args,
		.on_done = on_pin,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}
