#include "stores/usage_day.h"
#include "stores/store_call.h"

#include <stdlib.h>

/* $1, $2: the days; $3: what to tell apart. */
#define SUMS(from)                                                                                 \
	"select case when $3 & 1 > 0 then u.day::text end, case when $3 & 16 > 0 then t.name end," \
	" case when $3 & 2 > 0 then q.name end, case when $3 & 4 > 0 then u.upstream end,"         \
	" case when $3 & 8 > 0 then u.model end, sum(u.attempts)::int8, sum(u.estimated)::int8,"   \
	" sum(u.input_tokens)::int8, sum(u.output_tokens)::int8, sum(u.cost_nano)::int8"           \
	" from " from " u left join queue q using (queue_id) left join tenant t"                   \
	"  on $3 & 16 > 0 and t.tenant_id = u.tenant_id"                                           \
	" group by 1, 2, 3, 4, 5 having sum(u.attempts) > 0 order by 1, 2, 3, 4, 5 limit 10001"

static const struct db_stmt own_stmt = {.name = "usage_day_own",
	.sql = SUMS("(select * from usage_day where tenant_id = $4"
		    "  and day >= $1::text::date and day < $2::text::date)"),
	.reads = true};

static const struct db_stmt all_stmt = {.name = "usage_day_all",
	.sql = SUMS("usage_of_all($1::text::date, $2::text::date)"),
	.reads = true};

static void on_read(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = r != NULL ? db_rows_n(r) : 0, i;
	struct usage_row *rows = store_call_rows(&e, n, sizeof(*rows));

	for (i = 0; rows != NULL && i < n; i++)
		rows[i] = (struct usage_row){
			.day = db_text(r, i, 0),
			.tenant = db_text(r, i, 1),
			.queue = db_text(r, i, 2),
			.upstream = db_text(r, i, 3),
			.model = db_text(r, i, 4),
			.attempts = db_int(r, i, 5),
			.estimated = db_int(r, i, 6),
			.input_tokens = db_int(r, i, 7),
			.output_tokens = db_int(r, i, 8),
			.cost_nano = db_int(r, i, 9),
		};
	((usage_day_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

enum err usage_day_read(struct db *db, const struct usage_ask *ask, usage_day_done *done, void *ctx)
{
	const bool all = id_equal(ask->tenant, (struct id){{0}});
	struct db_args a;

	db_args_init(&a);
	db_arg_text(&a, ask->first);
	db_arg_text(&a, ask->beyond);
	db_arg_int4(&a, ask->by);
	if (!all)
		db_arg_id(&a, ask->tenant);
	return store_call_run(&(struct store_call_ask){.db = db,
		.tenants = all ? NULL : &ask->tenant,
		.tenants_n = all ? 0 : 1,
		.stmt = all ? &all_stmt : &own_stmt,
		.args = &a,
		.on_done = on_read,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}
