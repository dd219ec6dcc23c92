#include "stores/partition.h"
#include "stores/store_call.h"

#include <stdlib.h>

const int retention_days[RETENTION_CLASSES] = {1, 7, 30, 90, 400};

static const struct db_stmt keep_stmt = {.name = "partition_keep",
	.sql = "select made, dropped + audit_drop($2), astray from partition_keep($1)"};

unsigned retention_for(int64_t seconds)
{
	unsigned class;

	for (class = 0; class + 1 < RETENTION_CLASSES; class ++)
		if ((int64_t)retention_days[class] * 86400 >= seconds)
			break;
	return class;
}

static void on_keep(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	struct partition_report report = {0};
	const struct db_rows *r;

	if (e == ERR_OK) {
		r = db_reply_rows(reply, 0);
		report.made = db_int(r, 0, 0);
		report.dropped = db_int(r, 0, 1);
		report.astray = db_int(r, 0, 2);
	}
	((partition_keep_done *)call->done)(call->ctx, e, &report);
	free(call);
}

enum err partition_keep(
	struct db *db, const struct partition_days *days, partition_keep_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int4(&a, days->ahead);
	db_arg_int4(&a, days->audit);
	return store_call_run(&(struct store_call_ask){
		db, NULL, 0, &keep_stmt, &a, on_keep, {.done = (store_call_fn *)done, .ctx = ctx}});
}
