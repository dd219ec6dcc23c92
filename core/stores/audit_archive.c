#include "stores/audit_archive.h"

#include "stores/store_call.h"
#include "stores/term_work.h"

#include <stdlib.h>

#define DAY "(made_at at time zone 'utc')::date"
static const struct db_stmt due_stmt = {.name = "audit_day_due",
	.sql = "with a as materialized (select coalesce((select size from audit_archive"
	       "  order by size desc limit 1), 0) as size),"
	       " f as materialized (select c.* from a cross join lateral (select " DAY
	       "  as day from audit_checkpoint c where c.size > a.size order by c.size limit 1) c)"
	       " select a.size, l.size, f.day::text from a cross join f cross join lateral"
	       " (select c.size from audit_checkpoint c where c.size > a.size and " DAY " = f.day"
	       "  order by c.size desc limit 1) l"
	       " where f.day < (now() at time zone 'utc')::date",
	.reads = true};

static const struct db_stmt archived_stmt = {.name = "audit_archived",
	.sql = "with " TERM_SQL ", a as (insert into audit_archive (position, size, day)"
	       " select $2, $3, $4::text::date where " TERM_HELD
	       "  on conflict do nothing returning 1)"
	       " select " TERM_REPLY ", (select count(*) from a)",
	false};

static void on_due(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	struct audit_day day = {.day = NULL};

	if (r != NULL && db_rows_n(r) > 0)
		day = (struct audit_day){
			(uint64_t)db_int(r, 0, 0), (uint64_t)db_int(r, 0, 1), db_text(r, 0, 2)};
	((audit_day_done *)call->done)(call->ctx, e, &day);
	free(call);
}

enum err audit_day_due(struct db *db, audit_day_done *done, void *ctx)
{
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &due_stmt,
		.on_done = on_due,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err audit_day_archived(
	struct db *db, int64_t term, const struct audit_day *day, term_work_done *done, void *ctx)
{
	struct db_args a;
	enum err e = db_begin(db, NULL, 0);

	if (e != ERR_OK)
		return e;
	db_args_init(&a);
	db_arg_int8(&a, term);
	db_arg_int8(&a, (int64_t)day->position);
	db_arg_int8(&a, (int64_t)day->size);
	db_arg_text(&a, day->day);
	db_query(db, &archived_stmt, &a);
	return term_work_commit(db, 1, done, ctx);
}
