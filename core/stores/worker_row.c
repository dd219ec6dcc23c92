#include "stores/worker_row.h"
#include "stores/reap.h"
#include "stores/store_call.h"

#include <endian.h>
#include <stdlib.h>
#include <string.h>

/* The lock is only tried: an old session of this incarnation may hold it until Postgres notices
 * that its socket is gone, and the lease covers that time. */
static const struct db_stmt start_stmt = {.name = "worker_start",
	.sql = "with w as (insert into worker (worker_id, lock_key, lease_ms, pid, slots, host, version)"
	       "  values ($1, $2, $3, $4, $5, $6, $7)"
	       "  on conflict (worker_id) do nothing returning worker_id),"
	       " b as (insert into worker_beat (worker_id, beat_at, slots_free, draining)"
	       "  select worker_id, now(), 0, false from w),"
	       " n as (insert into worker_crash (worker_id, tenant_id, job_id, fence)"
	       "  select * from unnest($8, $9, $10, $11) on conflict do nothing),"
	       " a as (insert into audit (tenant_id, actor_kind, actor, action, object)"
	       "  select " AUDIT_SYSTEM_SQL
	       ", 'worker', worker_id, 'worker.start', worker_id from w)"
	       " select coalesce((select gone is not null from worker where worker_id = $1), false),"
	       "  pg_try_advisory_lock($2)"};

static const struct db_stmt async_stmt = {.name = "worker_async",
	.sql = "select set_config('synchronous_commit', 'off', true)",
	.reads = true};

static const struct db_stmt beat_stmt = {.name = "worker_beat",
	.sql = "with w as materialized (select drain, gone is not null as dead from worker where worker_id = $1),"
	       " b as (insert into worker_beat (worker_id, beat_at, slots_free, draining, calls, ended,"
	       "   memory_bytes, memory_target_bytes)"
	       "  select $1, now(), $2, $3, $4, $5, $6, $7 from w where not dead"
	       "  on conflict (worker_id) do update set beat_at = now(),"
	       "   slots_free = excluded.slots_free, draining = excluded.draining,"
	       "   calls = excluded.calls, ended = excluded.ended,"
	       "   memory_bytes = excluded.memory_bytes,"
	       "   memory_target_bytes = excluded.memory_target_bytes),"
	       " s as (insert into worker_started as s (worker_id, queue_id, started)"
	       "  select $1, queue_id, started from unnest($8, $9) k(queue_id, started), w"
	       "  where not dead on conflict (worker_id, queue_id) do update"
	       "  set started = s.started + excluded.started),"
	       " n as (delete from worker_notice where worker_id = $1 returning tenant_id, job_id, fence)"
	       " select 0, drain, dead, null::uuid, null::uuid, 0::int8 from w"
	       " union all select 1, false, false, tenant_id, job_id, fence from n"};

/* Whoever ends an attempt holds its job's row, and reads the lease behind that: so does this, and
 * it waits for nobody. What is being ended is passed over. With the worker's id for a constant the
 * planner could begin with all leases of the worker and look through k for each of them. */
static const struct db_stmt told_stmt = {.name = "worker_told",
	.sql = "with k as materialized (select k.*, j.worker_id from unnest($2, $3, $4, $5, $6, $7, $8, $9)"
	       "  k(tenant_id, job_id, fence, upstream, key_label, model, held_by, ago_ms)"
	       " cross join lateral (select j.worker_id from job j where j.tenant_id = k.tenant_id"
	       "  and j.job_id = k.job_id and j.worker_id = $1 and j.fence = k.fence"
	       "  and j.state = 'running' limit 1 for no key update skip locked) j)"
	       " update job_lease l set upstream = k.upstream, key_label = k.key_label, model = k.model,"
	       "  held_by = k.held_by, told_since = now() - k.ago_ms * interval '1 millisecond'"
	       " from k where l.worker_id = any(array[k.worker_id]) and l.tenant_id = k.tenant_id"
	       "  and l.job_id = k.job_id and l.fence = k.fence"};

static const struct db_stmt leave_stmt = {.name = "worker_leave",
	.sql = "with w as (update worker set gone = 'left', gone_at = now() where worker_id = $1"
	       "  and gone is null and not exists (select from job_lease where worker_id = $1)"
	       "  returning worker_id)"
	       " insert into audit (tenant_id, actor_kind, actor, action, object)"
	       " select " AUDIT_SYSTEM_SQL
	       ", 'worker', worker_id, 'worker.leave', worker_id from w"};

#define SILENT SQL_NUMBER(REAP_SILENT_MS)
#define ROW                                                                            \
	"w.worker_id, w.host, w.version, case when w.gone is not null then w.gone"     \
	" when b.beat_at < now() - interval '" SILENT " milliseconds' then 'silent'"   \
	" when w.drain or b.draining then 'draining' else 'live' end, w.pid, w.slots," \
	" coalesce(b.slots_free, 0), w.started_at, b.beat_at, w.lease_ms,"             \
	" worker_running(w.worker_id), coalesce(b.calls, 0), coalesce(b.ended, 0),"    \
	" coalesce(b.memory_bytes, 0), coalesce(b.memory_target_bytes, 0)"
#define BEAT                                                                                       \
	" left join lateral (select * from worker_beat b where b.worker_id = w.worker_id limit 1)" \
	" b on true"

static const struct db_stmt list_stmt = {.name = "worker_list",
	.sql = "select " ROW
	       " from (select * from worker where gone is null or gone_at > now() - interval '1 hour'"
	       "  order by gone is not null, worker_id desc limit $1) w" BEAT,
	.reads = true};

static const struct db_stmt drain_stmt = {.name = "worker_drain",
	.sql = "with w as (update worker set drain = true where worker_id = $1 returning *),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select " AUDIT_SYSTEM_SQL
	       ", $2, $3, $4, $5, $6, 'worker.drain', worker_id from w)"
	       " select " ROW " from w" BEAT};

/* The id's random half: as good a 64-bit key as any. */
static int64_t lock_key(struct id worker)
{
	uint64_t bits;

	memcpy(&bits, worker.bytes + 8, sizeof(bits));
	return (int64_t)be64toh(bits);
}

static void on_start(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;

	if (e == ERR_OK && db_int(db_reply_rows(reply, 0), 0, 0) != 0)
		e = ERR_LOST;
	((worker_start_done *)call->done)(call->ctx, e, lock_key(call->id));
	free(call);
}

static void note_columns(struct db_args *a, const struct worker_crash *notes, size_t n)
{
	DB_COLUMN(a, n, id, notes[i].worker);
	DB_COLUMN(a, n, id, notes[i].tenant);
	DB_COLUMN(a, n, id, notes[i].job);
	DB_COLUMN(a, n, int8, notes[i].fence);
}

enum err worker_start(struct db *db, const struct worker_start *start,
	const struct worker_crash *notes, size_t n, worker_start_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, start->id);
	db_arg_int8(&a, lock_key(start->id));
	db_arg_int4(&a, (int32_t)start->lease_ms);
	db_arg_int4(&a, start->pid);
	db_arg_int4(&a, start->slots);
	db_arg_text(&a, start->host);
	db_arg_text(&a, start->version);
	note_columns(&a, notes, n);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &start_stmt,
		.args = &a,
		.on_done = on_start,
		.with = {.done = (store_call_fn *)done, .ctx = ctx, .id = start->id}});
}

static void reply_take(
	struct worker_reply *reply, struct worker_notice *notices, const struct db_rows *r)
{
	size_t i;

	reply->dead = true; /* unless its row says otherwise */
	reply->notices = notices;
	for (i = 0; i < db_rows_n(r); i++) {
		if (db_int(r, i, 0) == 0) {
			reply->drain = db_int(r, i, 1) != 0;
			reply->dead = db_int(r, i, 2) != 0;
		} else {
			notices[reply->notices_n++] = (struct worker_notice){
				db_id(r, i, 3), db_id(r, i, 4), db_int(r, i, 5)};
		}
	}
}

static void on_beat(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 1) : NULL;
	size_t n = r != NULL ? db_rows_n(r) : 0;
	struct worker_notice *notices = store_call_rows(&e, n, sizeof(*notices));
	struct worker_reply told = {0};

	if (e == ERR_OK)
		reply_take(&told, notices, r);
	((worker_beat_done *)call->done)(call->ctx, e, e == ERR_OK ? &told : NULL);
	free(notices);
	free(call);
}

static void begun_args(struct db_args *a, const struct worker_begun *begun, size_t n)
{
	DB_COLUMN(a, n, int4, begun[i].queue_id);
	DB_COLUMN(a, n, int8, begun[i].started);
}

/* Behind everything else: nothing is waited for while jobs are locked. */
static void told_query(struct db *db, struct id worker, const struct worker_told *told, size_t n)
{
	struct db_args a;

	if (!n)
		return;
	db_args_init(&a);
	db_arg_id(&a, worker);
	DB_COLUMN(&a, n, id, told[i].tenant);
	DB_COLUMN(&a, n, id, told[i].job);
	DB_COLUMN(&a, n, int8, told[i].fence);
	DB_COLUMN(&a, n, text, told[i].upstream);
	DB_COLUMN(&a, n, text, told[i].key_label);
	DB_COLUMN(&a, n, text, told[i].model);
	DB_COLUMN(&a, n, text, told[i].held_by);
	DB_COLUMN(&a, n, int8, told[i].ago_ms);
	db_query(db, &told_stmt, &a);
}

enum err worker_beat(struct db *db, struct id worker, const struct worker_pulse *pulse,
	worker_beat_done *done, void *ctx)
{
	struct store_call *call;
	struct db_args a;
	enum err e = store_call_begin(db, NULL, 0, &call);

	if (e != ERR_OK)
		return e;
	call->done = (store_call_fn *)done;
	call->ctx = ctx;
	db_query(db, &async_stmt, NULL);
	db_args_init(&a);
	db_arg_id(&a, worker);
	db_arg_int4(&a, pulse->slots_free);
	db_arg_bool(&a, pulse->draining);
	db_arg_int4(&a, pulse->calls);
	db_arg_int8(&a, pulse->ended);
	db_arg_int8(&a, pulse->memory_bytes);
	db_arg_int8(&a, pulse->memory_target_bytes);
	begun_args(&a, pulse->begun, pulse->begun_n);
	db_query(db, &beat_stmt, &a);
	told_query(db, worker, pulse->told, pulse->told_n);
	db_commit(db, on_beat, call);
	return ERR_OK;
}

enum err worker_leave(struct db *db, struct id worker, db_done_fn *done, void *ctx)
{
	enum err e = db_begin(db, NULL, 0);
	struct db_args a;

	if (e != ERR_OK)
		return e;
	db_args_init(&a);
	db_arg_id(&a, worker);
	db_query(db, &leave_stmt, &a);
	db_commit(db, done, ctx);
	return ERR_OK;
}

static void list_tell(
	struct store_call *call, enum err e, const struct db_reply *reply, enum err when_none)
{
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = r != NULL ? db_rows_n(r) : 0, i;
	struct worker_row *rows;

	if (e == ERR_OK && n == 0)
		e = when_none;
	rows = store_call_rows(&e, n, sizeof(*rows));
	for (i = 0; rows != NULL && i < n; i++)
		rows[i] = (struct worker_row){
			.id = db_id(r, i, 0),
			.host = db_text(r, i, 1),
			.version = db_text(r, i, 2),
			.state = db_text(r, i, 3),
			.pid = (int32_t)db_int(r, i, 4),
			.slots = (int32_t)db_int(r, i, 5),
			.started_ms = db_time(r, i, 7),
			.beat_ms = db_time(r, i, 8),
			.lease_ms = db_int(r, i, 9),
			.running = (int32_t)db_int(r, i, 10),
			.pulse = {.slots_free = (int32_t)db_int(r, i, 6),
				.calls = (int32_t)db_int(r, i, 11),
				.ended = db_int(r, i, 12),
				.memory_bytes = db_int(r, i, 13),
				.memory_target_bytes = db_int(r, i, 14)},
		};
	((worker_list_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

static void on_list(void *ctx, enum err e, const struct db_reply *reply)
{
	list_tell(ctx, e, reply, ERR_OK);
}

static void on_drain(void *ctx, enum err e, const struct db_reply *reply)
{
	list_tell(ctx, e, reply, ERR_NOT_FOUND);
}

enum err worker_list(struct db *db, size_t limit, worker_list_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int8(&a, (int64_t)limit);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &list_stmt,
		.args = &a,
		.on_done = on_list,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err worker_drain(struct db *db, struct id worker, const struct audit_actor *by,
	worker_list_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, worker);
	audit_by_args(&a, by);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &drain_stmt,
		.args = &a,
		.on_done = on_drain,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}
