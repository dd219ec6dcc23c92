#include "stores/parked.h"

#include "stores/store_call.h"

#include <stdlib.h>

static const struct db_stmt PARKED_WAKE = {.name = "parked_wake",
	.sql = "with k as materialized (select * from unnest($1, $2) with ordinality"
	       "  k(line, n, ord)),"
	       " d as materialized (select d.at from k cross join lateral"
	       "  (select w.ctid as at from job_due w where w.line = k.line and w.due_at > now()"
	       "   order by w.line, w.rank, w.job_id limit k.n for update skip locked) d),"
	       " called as (update job_due set due_at = now()"
	       "  where ctid = any(array(select at from d)) returning line)"
	       " select k.line, (select count(*) from called c where c.line = k.line)"
	       " from k order by k.ord"};

static void on_woken(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *rows = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	const size_t n = rows ? db_rows_n(rows) : 0;
	struct parked_line *lines = store_call_rows(&e, n, sizeof(*lines));

	for (size_t i = 0; lines && i < n; i++)
		lines[i] = (struct parked_line){db_id(rows, i, 0), (size_t)db_int(rows, i, 1)};
	((parked_done *)call->done)(call->ctx, e, lines, lines ? n : 0);
	free(lines);
	free(call);
}

enum err parked_wake(
	struct db *db, const struct parked_line *lines, size_t n, parked_done *done, void *ctx)
{
	struct db_args args;

	db_args_init(&args);
	db_array(&args, DB_ID, n);
	for (size_t i = 0; i < n; i++)
		db_item_id(&args, lines[i].id);
	db_array(&args, DB_INT8, n);
	for (size_t i = 0; i < n; i++)
		db_item_int8(&args, (int64_t)lines[i].n);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &PARKED_WAKE,
		.args = &args,
		.on_done = on_woken,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}
