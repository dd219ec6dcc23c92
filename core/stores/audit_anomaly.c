#include "stores/audit_anomaly.h"

#include "stores/store_call.h"

#include <stdlib.h>
#include <string.h>

/* place 0 is the window that ends now, 1 the one before, ... Which credentials were used is looked
 * up for those who are told alone: of short-lived tokens there are as many as rows. */
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
	       "  from w group by 1, 2, 3),"
	       " f as materialized (select *, n / greatest(mean, 0.001) as off from h"
	       "  where n >= $3::int8 and n > $4::int8 * mean and n > most"
	       "  order by off desc, n desc limit $5),"
	       " c as (select f.tenant_id, f.actor, f.action, a.credential,"
	       "  case a.actor_kind when 'token' then 'tok' else 'key' end as prefix,"
	       "  sum(a.count) as used from f join audit a using (tenant_id, actor, action)"
	       "  where a.at > now() - make_interval(secs => $1::int8) and a.at <= now()"
	       "  and a.credential is not null group by 1, 2, 3, 4, 5),"
	       " u as (select *, row_number() over (partition by tenant_id, actor, action"
	       "  order by used desc, credential) as rank from c)"
	       " select f.tenant_id, f.actor, f.action, f.n::int8, f.mean, f.most::int8,"
	       "  u.credential, u.prefix from f"
	       " left join u on (u.tenant_id, u.actor, u.action) = (f.tenant_id, f.actor, f.action)"
	       "  and u.rank <= " SQL_NUMBER(
		       AUDIT_ANOMALY_CREDENTIALS) " order by f.off desc, f.n desc, f.tenant_id, f.actor, f.action, u.rank",
	.reads = true};

/* One for each credential, or one without any. */
static bool is_same(const struct audit_anomaly *row, const struct db_rows *r, size_t i)
{
	return id_equal(row->tenant, db_id(r, i, 0)) && id_equal(row->actor, db_id(r, i, 1)) &&
	       strcmp(row->action, db_text(r, i, 2)) == 0;
}

static void row_take(struct audit_anomaly *row, const struct db_rows *r, size_t i)
{
	*row = (struct audit_anomaly){
		.tenant = db_id(r, i, 0),
		.actor = db_id(r, i, 1),
		.action = db_text(r, i, 2),
		.n = db_int(r, i, 3),
		.mean = db_float(r, i, 4),
		.most = db_int(r, i, 5),
	};
}

static void credential_take(struct audit_anomaly *row, const struct db_rows *r, size_t i)
{
	if (db_null(r, i, 6) || row->credentials_n == AUDIT_ANOMALY_CREDENTIALS)
		return;
	row->credentials[row->credentials_n++] =
		(struct audit_credential){db_id(r, i, 6), db_text(r, i, 7)};
}

static void on_rows(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	const size_t n = r != NULL ? db_rows_n(r) : 0;
	struct audit_anomaly *rows = store_call_rows(&e, n, sizeof *rows);
	size_t told = 0;

	for (size_t i = 0; rows != NULL && i < n; i++) {
		if (told == 0 || !is_same(&rows[told - 1], r, i))
			row_take(&rows[told++], r, i);
		credential_take(&rows[told - 1], r, i);
	}
	((audit_anomaly_done *)call->done)(call->ctx, e, rows, told);
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
