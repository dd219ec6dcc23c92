/* The rest of dispatch.h: what the leader counts, tells and grants. */
#include "stores/dispatch.h"
#include "stores/dispatch_soft.h"
#include "stores/share_sql.h"
#include "stores/store_call.h"
#include "stores/term_work.h"

#include <stdlib.h>

static const struct db_stmt flow_stmt = {.name = "dispatch_flow",
	.sql = "with " TERM_SQL ", told as (insert into queue_flow"
	       "  (queue_id, free_slots, allot, allot_epoch)"
	       "  select queue_id, free_slots, allot, 1 from unnest($2, $3, $4)"
	       "  k(queue_id, free_slots, allot) where " TERM_HELD
	       "  on conflict (queue_id) do update set free_slots = excluded.free_slots,"
	       "  allot = excluded.allot, allot_epoch = queue_flow.allot_epoch + 1 returning 1)"
	       " select " TERM_REPLY ", (select count(*) from told)"};

/* Starts a second: an average over some RATE_S seconds of what was started between two counts.
 * What is nearly nothing is nothing. */
#define RATE_S "5.0"
#define SINCE  "greatest(0.001, date_part('epoch', excluded.counted_at - f.counted_at))"
#define MIXED                                                                                    \
	"(f.drain_rate + (greatest(0, excluded.started - f.started) / " SINCE " - f.drain_rate)" \
	" * (1 - exp(-" SINCE " / " RATE_S ")))"
#define RATE                                                                                \
	" case when f.counted_at is null or (excluded.started = f.started and f.drain_rate" \
	"  < 0.01) then 0 else " MIXED " end"

/* A deep backlog is counted by walking the table, in whatever order is cheapest. */
static const struct db_stmt scan_stmt = {.name = "dispatch_scan",
	.sql = "select set_config('enable_seqscan', 'on', true),"
	       " set_config('enable_hashjoin', 'on', true)",
	.reads = true};
static const struct db_stmt count_stmt = {.name = "dispatch_count",
	.sql = "with " TERM_SQL ", ready as materialized (select queue_id, tenant_id, count(*) as n"
	       "  from job_ready group by queue_id, tenant_id),"
	       " due as materialized (select queue_id, tenant_id, count(*) as n"
	       "  from job_due group by queue_id, tenant_id),"
	       " tenants as (update tenant_limit l set queued = c.n from"
	       "  (select l.tenant_id, l.ctid as at, coalesce(r.n, 0) as n from tenant_limit l"
	       "   left join (select tenant_id, sum(n)::bigint as n from"
	       "    (select tenant_id, n from ready union all select tenant_id, n from due) r"
	       "    group by tenant_id) r"
	       "   using (tenant_id) where l.max_queued > 0 and " TERM_HELD ") c"
	       "  where l.ctid = c.at and l.queued <> c.n),"
	       " counted as materialized (select queue_id,"
	       "  sum(queued)::bigint as queued, sum(waiting)::bigint as waiting,"
	       "  sum(running)::bigint as running from ("
	       "   select queue_id, 0 as queued, 0 as waiting, 0 as running from queue"
	       "   union all select queue_id, n, 0, 0 from ready"
	       "   union all select queue_id, 0, n, 0 from due"
	       "   union all select queue_id, 0, 0, count(*) from job_lease group by queue_id) c"
	       "  where " TERM_HELD " group by queue_id),"
	       " begun as materialized (select queue_id, sum(started)::bigint as started"
	       "  from worker_started group by queue_id),"
	       " kept as (insert into queue_flow as f"
	       "  (queue_id, queued, waiting, running, oldest_at, counted_at, started)"
	       "  select queue_id, queued, waiting, running, (select min(r.ready_at)"
	       "   from ready_head h cross join lateral (select ready_at from job_ready r"
	       "    where r.tenant_id = h.tenant_id and r.queue_id = h.queue_id"
	       "    order by r.tenant_id, r.queue_id, r.rank, r.job_id limit 1) r"
	       "   where h.queue_id = c.queue_id), now(), coalesce((select started from begun b"
	       "   where b.queue_id = c.queue_id), 0) from counted c"
	       "  on conflict (queue_id) do update set queued = excluded.queued,"
	       "  waiting = excluded.waiting, running = excluded.running,"
	       "  oldest_at = excluded.oldest_at, counted_at = excluded.counted_at,"
	       "  started = excluded.started, drain_rate =" RATE
	       "  where (f.queued, f.waiting, f.running, f.oldest_at, f.started) is distinct from"
	       "  (excluded.queued, excluded.waiting, excluded.running, excluded.oldest_at,"
	       "   excluded.started) or f.drain_rate > 0"
	       "  or f.counted_at is null or f.counted_at < now() - interval '5 seconds'"
	       "  returning 1)"
	       " select " TERM_REPLY ", (select count(*) from kept)"};

static const struct db_stmt block_stmt = {.name = "dispatch_block",
	.sql = "with " TERM_SQL ", capped as materialized (select l.tenant_id,"
	       "  l.max_running <=" SHARE_RUNNING(
		       "l.tenant_id") " as full from tenant_limit l"
				      "  where l.max_running > 0 and " TERM_HELD
				      "  and exists (select from ready_head h where h.tenant_id ="
				      "   l.tenant_id)),"
				      " seen as materialized (select h.at, c.full from capped c"
				      "  cross join lateral (select h.ctid as at, h.blocked"
				      "   from ready_head h where h.tenant_id = c.tenant_id) h"
				      "  where h.blocked <> c.full"
				      "  union all select h.ctid, false from ready_head h"
				      "   where h.blocked and " TERM_HELD
				      "   and h.tenant_id not in (select tenant_id from capped)),"
				      " turned as (update ready_head h set blocked = s.full"
				      "  from seen s where h.ctid = s.at returning 1)"
				      " select " TERM_REPLY ", (select count(*) from turned)"};

/* Each (tenant, queue) that has ready rows, found by leaping through the key. */
static const struct db_stmt heads_put_stmt = {.name = "dispatch_heads_put",
	.sql = "with recursive " TERM_SQL ", pair as ((select tenant_id, queue_id from job_ready"
	       "  order by tenant_id, queue_id limit 1)"
	       " union all select n.tenant_id, n.queue_id from pair p cross join lateral"
	       "  (select tenant_id, queue_id from job_ready r"
	       "   where (r.tenant_id, r.queue_id) > (p.tenant_id, p.queue_id)"
	       "   order by tenant_id, queue_id limit 1) n),"
	       " put as (insert into ready_head (tenant_id, queue_id)"
	       "  select tenant_id, queue_id from pair p where " TERM_HELD
	       "  and not exists (select from ready_head h"
	       "   where h.tenant_id = p.tenant_id and h.queue_id = p.queue_id)"
	       "  order by 1, 2 on conflict do nothing returning 1)"
	       " select " TERM_REPLY ", (select count(*) from put)"};

#define HEAD_EMPTY                                                             \
	" not exists (select from job_ready r where r.tenant_id = h.tenant_id" \
	" and r.queue_id = h.queue_id)"
static const struct db_stmt heads_drop_stmt = {.name = "dispatch_heads_drop",
	.sql = "with " TERM_SQL
	       ", seen as materialized (select h.ctid as at, h.empty_since," HEAD_EMPTY
	       " as empty from ready_head h where " TERM_HELD "),"
	       " gone as (delete from ready_head where ctid = any(array(select h.ctid"
	       "  from seen s cross join lateral (select ctid from ready_head h where h.ctid = s.at"
	       "   for update skip locked) h"
	       "  where s.empty and s.empty_since < now() - interval '1 minute')) returning 1),"
	       " turned as (update ready_head h set empty_since = case when s.empty then now() end"
	       "  from seen s where h.ctid = s.at and s.empty = (s.empty_since is null))"
	       " select " TERM_REPLY ", (select count(*) from gone)"};

/* A claim holds its worker's grants until it has committed (LEASE_SETTING). Those are passed over:
 * the leader waits for no worker, and what it lowered no claim under way still fills. */
static const struct db_stmt grants_stmt = {.name = "dispatch_grants",
	.sql = "with " TERM_SQL ", k as materialized (select * from unnest($2, $3, $4)"
	       "  k(worker_id, queue_id, slots) where " TERM_HELD "),"
	       " told as materialized (select g.at, k.slots from k cross join lateral"
	       "  (select g.ctid as at from worker_grant g where g.worker_id = k.worker_id"
	       "   and g.queue_id = k.queue_id and g.slots <> k.slots limit 1"
	       "   for no key update skip locked) g),"
	       " turned as (update worker_grant g set slots = t.slots from told t where g.ctid = t.at"
	       "  returning 1),"
	       " put as (insert into worker_grant (worker_id, queue_id, slots)"
	       "  select worker_id, queue_id, slots from k where not exists (select from worker_grant g"
	       "   where g.worker_id = k.worker_id and g.queue_id = k.queue_id) order by 1, 2"
	       "  on conflict do nothing returning 1),"
	       " over as materialized (select g.ctid as at from worker_grant g where " TERM_HELD
	       " and ("
	       "  not exists (select from worker w where w.worker_id = g.worker_id"
	       "   and w.gone is null)"
	       "  or not exists (select from queue q where q.queue_id = g.queue_id"
	       "   and q.concurrency > 0)) for update skip locked),"
	       " gone as (delete from worker_grant where ctid = any(array(select at from over)))"
	       " select " TERM_REPLY
	       ", (select count(*) from turned) + (select count(*) from put)"};

/* Queue by queue, all live workers of each, in the same order. */
static const struct db_stmt shares_stmt = {.name = "dispatch_shares",
	.sql = "with live as materialized (select w.worker_id, case when w.drain or b.draining"
	       "  or b.beat_at < now() - interval '2 seconds' then 0 else b.slots_free end as free"
	       "  from worker w cross join lateral (select slots_free, draining, beat_at"
	       "   from worker_beat where worker_id = w.worker_id limit 1) b where w.gone is null)"
	       " select l.worker_id, l.free, q.queue_id,"
	       "  (select count(*) from job_lease j where j.worker_id = l.worker_id"
	       "   and j.queue_id = q.queue_id),"
	       "  coalesce((select g.slots from worker_grant g where g.worker_id = l.worker_id"
	       "   and g.queue_id = q.queue_id), -1)"
	       " from live l cross join queue q where q.concurrency > 0 order by 3, 1",
	.reads = true};

enum err dispatch_flow(struct db *db, int64_t term, const struct dispatch_flow *flow, size_t n,
	term_work_done *done, void *ctx)
{
	struct db_args a;
	enum err e = dispatch_soft_begin(db);

	if (e != ERR_OK)
		return e;
	db_args_init(&a);
	db_arg_int8(&a, term);
	DB_COLUMN(&a, n, int4, flow[i].queue_id);
	DB_COLUMN(&a, n, int8, flow[i].free_slots);
	DB_COLUMN(&a, n, int8, flow[i].allot);
	db_query(db, &flow_stmt, &a);
	return term_work_commit(db, 2, done, ctx);
}

static void term_query(struct db *db, const struct db_stmt *stmt, int64_t term)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int8(&a, term);
	db_query(db, stmt, &a);
}

enum err dispatch_count(struct db *db, int64_t term, term_work_done *done, void *ctx)
{
	enum err e = dispatch_soft_begin(db);

	if (e != ERR_OK)
		return e;
	db_query(db, &scan_stmt, NULL);
	term_query(db, &count_stmt, term);
	return term_work_commit(db, 3, done, ctx);
}

enum err dispatch_block(struct db *db, int64_t term, term_work_done *done, void *ctx)
{
	enum err e = dispatch_soft_begin(db);

	if (e != ERR_OK)
		return e;
	term_query(db, &block_stmt, term);
	return term_work_commit(db, 2, done, ctx);
}

enum err dispatch_heads(struct db *db, int64_t term, term_work_done *done, void *ctx)
{
	enum err e = dispatch_soft_begin(db);

	if (e != ERR_OK)
		return e;
	term_query(db, &heads_drop_stmt, term);
	term_query(db, &heads_put_stmt, term);
	return term_work_commit(db, 3, done, ctx);
}

enum err dispatch_grants(struct db *db, int64_t term, const struct dispatch_grant *grants, size_t n,
	term_work_done *done, void *ctx)
{
	struct db_args a;
	enum err e = dispatch_soft_begin(db);

	if (e != ERR_OK)
		return e;
	db_args_init(&a);
	db_arg_int8(&a, term);
	DB_COLUMN(&a, n, id, grants[i].worker);
	DB_COLUMN(&a, n, int4, grants[i].queue_id);
	DB_COLUMN(&a, n, int4, grants[i].slots);
	db_query(db, &grants_stmt, &a);
	return term_work_commit(db, 2, done, ctx);
}

static void on_shares(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = r ? db_rows_n(r) : 0;
	struct dispatch_share *shares = store_call_rows(&e, n, sizeof(*shares));

	for (size_t i = 0; shares && i < n; i++)
		shares[i] = (struct dispatch_share){
			.worker = db_id(r, i, 0),
			.slots_free = (int32_t)db_int(r, i, 1),
			.queue_id = (int32_t)db_int(r, i, 2),
			.held = (int32_t)db_int(r, i, 3),
			.granted = (int32_t)db_int(r, i, 4),
		};
	((dispatch_shares_done *)call->done)(call->ctx, e, shares, e == ERR_OK ? n : 0);
	free(shares);
	free(call);
}

enum err dispatch_shares(struct db *db, dispatch_shares_done *done, void *ctx)
{
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &shares_stmt,
		.on_done = on_shares,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}
