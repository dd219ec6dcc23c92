#include "stores/dispatch.h"

#include "stores/dispatch_soft.h"
#include "stores/share_sql.h"
#include "stores/store_call.h"
#include "stores/term_work.h"

#include <stdlib.h>

/* The keys of a batch's jobs, and their ready rows as far as they still carry its mark. */
#define BATCH_KEYS " unnest(b.tenant_ids, b.ranks, b.job_ids) k(tenant_id, rank, job_id)"
#define BATCH_ROW                                                                        \
	" job_ready r where r.tenant_id = k.tenant_id and r.queue_id = b.queue_id"       \
	" and r.rank = k.rank and r.job_id = k.job_id and r.batch_id = b.batch_id limit" \
	" 1"

static const struct db_stmt close_stmt = {.name = "dispatch_close",
	.sql = "with " TERM_SQL ", open as materialized (select b.ctid as at, b.queue_id,"
	       " (select count(*) from" BATCH_KEYS " cross join lateral (select 1 from" BATCH_ROW
	       ") r) as rest from dispatch_batch b),"
	       " closed as (delete from dispatch_batch where " TERM_HELD
	       " and ctid = any(array(select at from open where rest = 0)))"
	       " select queue_id, sum(rest)::bigint from open where rest > 0 group by queue_id"};

static const struct db_stmt fleet_stmt = {.name = "dispatch_fleet",
	.sql = "select coalesce(sum(b.slots_free), 0)::bigint, coalesce(sum(w.slots), 0)::bigint,"
	       " count(*) from worker w cross join lateral (select slots_free, draining, beat_at"
	       "  from worker_beat where worker_id = w.worker_id limit 1) b"
	       " where w.gone is null and not w.drain and not b.draining"
	       " and b.beat_at > now() - interval '2 seconds'",
	.reads = true};

/* $1 how far to count. Marked rows lie in front, at most a window of them. */
static const struct db_stmt queues_stmt = {.name = "dispatch_queues",
	.sql = "select q.queue_id, q.name, q.concurrency, q.weight,"
	       " (q.rate * 1000)::bigint, q.paused,"
	       " case when q.paused then 0 else (select count(*) from (select 1 from ready_head h"
	       "  cross join lateral (select 1 from job_ready r where r.tenant_id = h.tenant_id"
	       "   and r.queue_id = h.queue_id and r.batch_id is null"
	       "   order by r.tenant_id, r.queue_id, r.rank, r.job_id limit $1) r"
	       "  where h.queue_id = q.queue_id and not h.blocked limit $1) d) end"
	       " from queue q order by q.queue_id",
	.reads = true};

static const struct db_stmt leases_stmt = {.name = "dispatch_leases",
	.sql = "select queue_id, count(*) from job_lease group by queue_id",
	.reads = true};

/* Jobs of a capped tenant that were sent and not yet claimed. */
#define SENT(TENANT)                                                            \
	" (select count(*) from dispatch_batch b cross join lateral" BATCH_KEYS \
	"  cross join lateral (select 1 from" BATCH_ROW ") r where k.tenant_id = " TENANT ")"

/* clang-format off */
#define UNMARKED "r.batch_id is null"

/* $1 term, $2 queue, $3 batch, $4 the tenant whose turn was last, $5 how many, $6-8 deficits. */
static const struct db_stmt pick_stmt = {.name = "dispatch_pick",
	.sql = "with " TERM_SQL ", queues as materialized (select $2::int4 as queue_id, 1 as weight,"
	"   0::int8 as held, null::int8 as free, false as rated from t),"
	SHARE_PAIRS("$6", "$7", "$8", "$4", UNMARKED)
	SHARE_LINE("$5", "(" SHARE_RUNNING("p.tenant_id") " +" SENT("p.tenant_id") ")", "1")
	SHARE_SEEN(UNMARKED) SHARE_RANK_ONE SHARE_CHOSEN("$5") ","
	" ready as materialized (select row_number() over () as ord, r.at from"
	"   (select * from share where n > 0 order by ord) q cross join lateral"
	SHARE_ROWS("r.ctid as at", UNMARKED, "q.n for update skip locked") " r),"
	" marked as (update job_ready r set batch_id = $3 from ready k where r.ctid = k.at"
	"   and r.batch_id is null returning k.ord, r.tenant_id, r.rank, r.job_id),"
	" made as (insert into dispatch_batch (batch_id, queue_id, tenant_ids, ranks, job_ids)"
	"   select $3, $2, array_agg(tenant_id order by ord), array_agg(rank order by ord),"
	"   array_agg(job_id order by ord) from marked having count(*) > 0)"
	" select " TERM_REPLY ", a.tenant_id, a.job_id, a.owed from (select 1) one left join"
	"   (select ord, tenant_id, job_id, null::int8 as owed from marked"
	"     union all select null, tenant_id, null, owed from owing) a on true"
	" order by a.ord nulls last"};
/* clang-format on */

/* ---- look ---- */

/* Of rows (queue, number): this queue's number, 0 when it has none; -1 without rows. */
static int64_t number_of(const struct db_rows *rows, int64_t queue_id)
{
	if (rows == NULL)
		return -1;
	for (size_t i = 0; i < db_rows_n(rows); i++)
		if (db_int(rows, i, 0) == queue_id)
			return db_int(rows, i, 1);
	return 0;
}

static void queue_take(
	struct dispatch_queue *q, const struct db_reply *reply, size_t i, bool leases)
{
	const struct db_rows *r = db_reply_rows(reply, 3);

	*q = (struct dispatch_queue){
		.id = (int32_t)db_int(r, i, 0),
		.name = db_text(r, i, 1),
		.concurrency = (int32_t)db_int(r, i, 2),
		.weight = (int32_t)db_int(r, i, 3),
		.rate = (double)db_int(r, i, 4) / 1000,
		.paused = db_int(r, i, 5) != 0,
		.running = number_of(leases ? db_reply_rows(reply, 4) : NULL, db_int(r, i, 0)),
		.dispatched = number_of(db_reply_rows(reply, 1), db_int(r, i, 0)),
		.depth = db_int(r, i, 6),
	};
}

static void on_look(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *fleet = e == ERR_OK ? db_reply_rows(reply, 2) : NULL;
	struct dispatch_look look = {.n = e == ERR_OK ? db_rows_n(db_reply_rows(reply, 3)) : 0};
	struct dispatch_queue *queues = store_call_rows(&e, look.n, sizeof(*queues));

	look.queues = queues;
	for (size_t i = 0; queues && i < look.n; i++)
		queue_take(&queues[i], reply, i, call->n != 0);
	if (e == ERR_OK) {
		look.slots_free = db_int(fleet, 0, 0);
		look.slots = db_int(fleet, 0, 1);
		look.workers = db_int(fleet, 0, 2);
	}
	((dispatch_look_done *)call->done)(call->ctx, e, e == ERR_OK ? &look : NULL);
	free(queues);
	free(call);
}

/* Commits what was begun; the call is made here and freed by on_done. */
static enum err commit(struct db *db, db_done_fn *on_done, const struct store_call *with)
{
	struct store_call *call = calloc(1, sizeof(*call));

	if (call == NULL) {
		db_abandon(db);
		return ERR_NOMEM;
	}
	*call = *with;
	db_commit(db, on_done, call);
	return ERR_OK;
}

enum err dispatch_look(
	struct db *db, int64_t term, bool leases, dispatch_look_done *done, void *ctx)
{
	struct db_args a;
	enum err e = dispatch_soft_begin(db);

	if (e != ERR_OK)
		return e;
	db_args_init(&a);
	db_arg_int8(&a, term);
	db_query(db, &close_stmt, &a);
	db_query(db, &fleet_stmt, NULL);
	db_args_init(&a);
	db_arg_int8(&a, DISPATCH_DEPTH_MAX);
	db_query(db, &queues_stmt, &a);
	if (leases)
		db_query(db, &leases_stmt, NULL);
	return commit(db, on_look,
		&(struct store_call){
			.done = (store_call_fn *)done, .ctx = ctx, .db = db, .n = leases});
}

/* ---- pick ---- */

/* Rows of jobs come first, then those of owing. */
static void picked_take(struct dispatch_picked *picked, struct job_key *keys, struct deficit *owed,
	const struct db_rows *r, int32_t queue_id)
{
	for (size_t i = 0; i < db_rows_n(r); i++) {
		if (!db_null(r, i, 2))
			keys[picked->n++] =
				(struct job_key){.tenant = db_id(r, i, 1), .job = db_id(r, i, 2)};
		else if (!db_null(r, i, 1) && db_int(r, i, 3) < 0)
			picked->after = db_id(r, i, 1);
		else if (!db_null(r, i, 1))
			owed[picked->owed_n++] =
				(struct deficit){queue_id, db_id(r, i, 1), db_int(r, i, 3)};
	}
	picked->keys = keys;
	picked->owed = owed;
}

static void on_pick(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 1) : NULL;
	size_t n = r ? db_rows_n(r) : 0;
	struct dispatch_picked picked = {.n = 0};
	struct job_key *keys;
	struct deficit *owed;

	if (r && db_int(r, 0, 0) != 1)
		e = ERR_LOST;
	keys = store_call_rows(&e, n, sizeof(*keys));
	owed = store_call_rows(&e, n, sizeof(*owed));
	if (keys && owed)
		picked_take(&picked, keys, owed, r, (int32_t)call->n);
	((dispatch_pick_done *)call->done)(call->ctx, e, e == ERR_OK ? &picked : NULL);
	free(keys);
	free(owed);
	free(call);
}

enum err dispatch_pick(struct db *db, int64_t term, const struct dispatch_ask *ask,
	dispatch_pick_done *done, void *ctx)
{
	struct db_args a;
	enum err e = dispatch_soft_begin(db);

	if (e != ERR_OK)
		return e;
	db_args_init(&a);
	db_arg_int8(&a, term);
	db_arg_int4(&a, ask->queue_id);
	db_arg_id(&a, ask->batch);
	db_arg_id(&a, ask->after);
	db_arg_int8(&a, (int64_t)ask->max);
	share_deficit_args(&a, ask->deficits, ask->queue_id);
	db_query(db, &pick_stmt, &a);
	return commit(db, on_pick,
		&(struct store_call){.done = (store_call_fn *)done,
			.ctx = ctx,
			.db = db,
			.n = (size_t)ask->queue_id});
}

/* ---- batches ---- */

static const struct db_stmt sent_stmt = {.name = "dispatch_sent",
	.sql = "update dispatch_batch b set sent_at = now(), topic = k.topic,"
	       " partition = k.partition, log_offset = k.log_offset"
	       " from (select b.at, k.* from unnest($1, $2, $3, $4)"
	       "  k(batch_id, topic, partition, log_offset) cross join lateral"
	       "  (select ctid as at from dispatch_batch where batch_id = k.batch_id limit 1) b) k"
	       " where b.ctid = k.at and b.batch_id = k.batch_id"};

static const struct db_stmt open_stmt = {.name = "dispatch_open",
	.sql = "with " TERM_SQL " select b.batch_id, b.queue_id, cardinality(b.job_ids), b.topic,"
	       " b.partition, b.log_offset, coalesce(b.sent_at, b.created_at)"
	       " from dispatch_batch b where " TERM_HELD
	       " and b.created_at < now() - $2 * interval '1 millisecond' and exists (select from" BATCH_KEYS
	       " cross join lateral (select 1 from" BATCH_ROW ") r)"
	       " order by b.batch_id limit $3",
	.reads = true};

/* A row that another holds just now keeps its mark; so its batch stays open, or nobody would look
 * for it again. */
static const struct db_stmt undo_stmt = {.name = "dispatch_undo",
	.sql = "with " TERM_SQL ", b as materialized (select b.* from unnest($2) k(batch_id)"
	       "  cross join lateral (select ctid as at, * from dispatch_batch b"
	       "   where b.batch_id = k.batch_id limit 1) b where " TERM_HELD "),"
	       " marked as materialized (select b.at as batch_at, r.at from b cross join" BATCH_KEYS
	       "  cross join lateral (select r.ctid as at from" BATCH_ROW
	       "   for update skip locked) r),"
	       " freed as (update job_ready set batch_id = null"
	       "  where ctid = any(array(select at from marked)) returning 1),"
	       " closed as (delete from dispatch_batch where ctid = any(array(select b.at from b"
	       "  where (select count(*) from marked m where m.batch_at = b.at) = (select count(*)"
	       "   from" BATCH_KEYS " cross join lateral (select 1 from" BATCH_ROW ") r))))"
	       " select " TERM_REPLY ", (select count(*) from freed)"};

static void sent_args(struct db_args *a, const struct dispatch_batch *batches, size_t n)
{
	db_args_init(a);
	DB_COLUMN(a, n, id, batches[i].id);
	DB_COLUMN(a, n, text, batches[i].topic);
	DB_COLUMN(a, n, int4, batches[i].partition);
	DB_COLUMN(a, n, int8, batches[i].offset);
}

enum err dispatch_sent(
	struct db *db, const struct dispatch_batch *batches, size_t n, db_done_fn *done, void *ctx)
{
	struct db_args a;
	enum err e = dispatch_soft_begin(db);

	if (e != ERR_OK)
		return e;
	sent_args(&a, batches, n);
	db_query(db, &sent_stmt, &a);
	db_commit(db, done, ctx);
	return ERR_OK;
}

static void on_open(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = r ? db_rows_n(r) : 0;
	struct dispatch_batch *batches = store_call_rows(&e, n, sizeof(*batches));

	for (size_t i = 0; batches && i < n; i++)
		batches[i] = (struct dispatch_batch){
			.id = db_id(r, i, 0),
			.queue_id = (int32_t)db_int(r, i, 1),
			.jobs = (int32_t)db_int(r, i, 2),
			.topic = db_text(r, i, 3),
			.partition = (int32_t)db_int(r, i, 4),
			.offset = db_int(r, i, 5),
			.sent_ms = db_time(r, i, 6),
		};
	((dispatch_open_done *)call->done)(call->ctx, e, batches, e == ERR_OK ? n : 0);
	free(batches);
	free(call);
}

enum err dispatch_open(struct db *db, int64_t term, int64_t min_age_ms, size_t limit,
	dispatch_open_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int8(&a, term);
	db_arg_int8(&a, min_age_ms);
	db_arg_int8(&a, (int64_t)limit);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &open_stmt,
		.args = &a,
		.on_done = on_open,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err dispatch_undo(struct db *db, int64_t term, const struct id *batches, size_t n,
	term_work_done *done, void *ctx)
{
	struct db_args a;
	enum err e = dispatch_soft_begin(db);

	if (e != ERR_OK)
		return e;
	db_args_init(&a);
	db_arg_int8(&a, term);
	db_arg_ids(&a, batches, n);
	db_query(db, &undo_stmt, &a);
	return term_work_commit(db, 2, done, ctx);
}
