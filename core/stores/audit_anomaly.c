#include "stores/audit_anomaly.h"

#include "stores/store_call.h"

#include <stdlib.h>

/* place 0 is the window that ends now, 1 the one before, ... */
static const struct db_stmt anomalies_stmt = {.name = "audit_anomalies",
	.sql = "with w as materialized (select tenant_id, actor, action,"
	       "  floor(extract(epoch from now() - at) / $1::int8)::int8 as place, sum(count) as n"
	       "  from audit where at > now() - make_interval(secs => $2::int8) and at <= now()"
	       "  and actor is not null and actor_kind not in ('worker', 'leader')"
	       "  group by 1, 2, 3, 4),"
	       " h as materialized (select tenant_id, actor, action,"
	       "  coalesce(sum(n) filter (where place = 0), 0) as n,"
	       "  coalesce(sum(n) filter (where place > 0), 0)::float8"
	       "   / greatest(max(place), 1) as mean,"
	       "  coalesce(max(n) filter (where place > 0), 0) as most"
	       "  from w group by 1, 2, 3)"
	       " select tenant_id, actor, action, n::int8, mean, most::int8 from h"
	       " where n >= $3::int8 and n > $4::int8 * mean and n > most"
	       " order by n / greatest(mean, 0.001) desc, n desc limit $5",
	.reads = true};

static void on_rows(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	const size_t n = r != NULL ? db_rows_n(r) : 0;
	struct audit_anomaly *rows = store_call_rows(&e, n, sizeof *rows);

	for (size_t i = 0; rows != NULL && i < n; i++)
		rows[i] = (struct audit_anomaly){
			.tenant = db_id(r, i, 0),
			.actor = db_id(r, i, 1),
			.action = db_text(r, i, 2),
			.n = db_int(r, i, 3),
			.mean = db_float(r, i, 4),
			.most = db_int(r, i, 5),
		};
	((audit_anomaly_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

enum err audit_anomalies(
	struct db *db, const struct audit_anomaly_ask *ask, audit_anomaly_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int8(&a, ask->window_s);
	db_arg_int8(&a, ask->history_s);
	db_arg_int8(&a, ask->least);
	db_arg_int8(&a, ask->times);
	db_arg_int8(&a, (int64_t)ask->limit);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &anomalies_stmt,
		.args = &a,
		.on_done = on_rows,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}
