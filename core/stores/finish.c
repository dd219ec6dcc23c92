#include "stores/finish.h"
#include "stores/call.h"
#include "stores/job_columns.h"

#include <stdlib.h>
#include <string.h>

#ifdef CONTROL_WITHOUT_FENCE
/* The negative control: whoever says that a job is finished is believed. */
#define JOB_GUARD   "true"
#define LEASE_JOIN  " left join lateral"
#define LEASE_GUARD "l.worker_id = j.worker_id and l.fence = j.fence"
#define LEASE_ON    " on true"
#define IF_TWICE    " on conflict do nothing"
#else
#define JOB_GUARD   "j.state = 'running' and j.fence = k.fence and j.worker_id = $1"
#define LEASE_JOIN  " cross join lateral"
#define LEASE_GUARD "l.worker_id = $1 and l.fence = k.fence"
#define LEASE_ON    ""
#define IF_TWICE    ""
#endif

#define TERMINAL "state in ('completed', 'failed', 'expired')"

/* state and callback_events stand first in held: most of what follows looks at nothing else.
 * One look at each element (held) decides what becomes of its job; all else follows from the rows
 * that the update of job returned. Addresses, not keys, lead to what is changed. */
static const struct db_stmt finish_stmt = {.name = "finish",
	.sql = "with held as materialized (select case k.as_kind when 0 then 'completed'"
	       "   when 1 then 'failed' when 5 then 'expired'"
	       "   when 2 then case when j.attempt >= j.max_attempts"
	       "     or j.deadline_at <= now() + make_interval(secs => k.delay_ms / 1000.0)"
	       "     then 'failed' else 'waiting' end"
	       "   when 3 then 'waiting'"
	       "   else case when j.interruptions >= $22 then 'failed' else 'queued' end"
	       "  end::job_state as state, j.callback_events, k.*, j.job_at, j.retention, j.queue_id,"
	       "  j.priority, j.deadline_at, l.lease_at, l.started_at, l.number, l.restarted,"
	       "  l.event_from,"
	       "  least(greatest(k.event_last, l.event_from + 1), l.event_to) as event_end,"
	       "  case when k.as_kind in (2, 3) then least(j.deadline_at,"
	       "   now() + make_interval(secs => k.delay_ms / 1000.0)) end as due_at,"
	       "  case when k.as_kind = 4 then j.interruptions + 1 else j.interruptions end"
	       "   as interruptions,"
	       "  case when k.as_kind in (3, 4) then greatest(j.attempt - 1, 0) else j.attempt end"
	       "   as attempt_left,"
	       "  case when k.as_kind = 4 then ready_rank(now(), j.priority) end as rank,"
	       "  j.deaths >= 2 as probation"
	       " from unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,"
	       "  $20, $21, $23) with ordinality k(tenant_id, job_id, fence, as_kind, error_code, delay_ms,"
	       "  waiting_for, event_last, upstream, model, upstream_status, input_tokens, output_tokens,"
	       "  cost_nano, admit_ms, first_byte_ms, stream_ms, finish_ms, body, decision_id, message, ord)"
	       " cross join lateral (select j.ctid as job_at, j.* from job j where j.tenant_id = k.tenant_id"
	       "  and j.job_id = k.job_id and " JOB_GUARD " limit 1) j" LEASE_JOIN
	       " (select l.ctid as lease_at, l.* from job_lease l where l.tenant_id = k.tenant_id"
	       "  and l.job_id = k.job_id and " LEASE_GUARD " limit 1) l" LEASE_ON
	       "), ended as (update job j set state = k.state, version = j.version + 1,"
	       "  event_next = coalesce(k.event_end + 1, j.event_next), attempt = k.attempt_left,"
	       "  interruptions = k.interruptions, restarted = false,"
	       "  finished_at = case when k." TERMINAL " then now() end,"
	       "  waiting_for = case when k.state = 'waiting' then k.waiting_for end,"
	       "  error_code = case when k.state = 'completed' then null else k.error_code end,"
	       "  dead = k.state = 'failed', rank = case when k.state = 'queued' then k.rank else j.rank end,"
	       "  upstream = coalesce(k.upstream, j.upstream), model = coalesce(k.model, j.model),"
	       "  input_tokens = j.input_tokens + k.input_tokens, output_tokens = j.output_tokens + k.output_tokens,"
	       "  cost_nano = j.cost_nano + k.cost_nano, admit_ms = k.admit_ms, first_byte_ms = k.first_byte_ms,"
	       "  stream_ms = k.stream_ms, finish_ms = k.finish_ms"
	       " from held k where j.ctid = k.job_at and " JOB_GUARD " returning k.*)"
	       ", released as (delete from job_lease l using ended k where l.ctid = k.lease_at and l.fence = k.fence)"
	       ", results as (insert into job_result (retention, tenant_id, job_id, fence, decision_id,"
	       "  upstream_status, body)"
	       " select retention, tenant_id, job_id, fence, decision_id, upstream_status, body from ended"
	       "  where state = 'completed'" IF_TWICE ")"
	       ", attempts as (insert into attempt (retention, tenant_id, job_id, fence, worker_id, started_at,"
	       "  event_from, event_to, number, restarted, state, outcome, waiting_for, ended_by, upstream, model,"
	       "  upstream_status, input_tokens, output_tokens, cost_nano, admit_ms, first_byte_ms, stream_ms,"
	       "  finish_ms, message)"
	       " select retention, tenant_id, job_id, fence, $1, coalesce(started_at, now()),"
	       "  coalesce(event_from, 0), coalesce(event_end, 0), coalesce(number, 0),"
	       "  coalesce(restarted, false), state, error_code, waiting_for, 'holder', upstream, model,"
	       "  upstream_status, input_tokens, output_tokens, cost_nano, admit_ms, first_byte_ms, stream_ms,"
	       "  finish_ms, message from ended" IF_TWICE ")"
	       ", dones as (insert into job_done (retention, tenant_id, job_id, fence, event_seq, queue_id, state,"
	       "  error_code) select retention, tenant_id, job_id, fence, coalesce(event_end, 0), queue_id, state,"
	       "  error_code from ended where " TERMINAL IF_TWICE ")"
	       ", dues as (insert into job_due (tenant_id, job_id, queue_id, due_at, deadline_at)"
	       " select tenant_id, job_id, queue_id, due_at, deadline_at from ended where state = 'waiting'" IF_TWICE
	       ")"
	       ", readies as (insert into job_ready (tenant_id, queue_id, rank, job_id, deadline_at, probation)"
	       " select tenant_id, queue_id, rank, job_id, deadline_at, probation from ended where state = 'queued'" IF_TWICE
	       ")"
	       ", heads as (insert into ready_head (tenant_id, queue_id)"
	       " select distinct tenant_id, queue_id from ended where state = 'queued' order by 1, 2 on conflict do nothing)"
	       ", outbox as (insert into delivery (tenant_id, delivery_id, job_id, queue_id, retention, job_state)"
	       " select tenant_id, id_make(), job_id, queue_id, retention, state from ended where"
	       "  callback_events & (case state when 'completed' then 1 when 'failed' then 2 when 'expired' then 8"
	       "   else 0 end) <> 0)"
	       ", audits as (insert into audit (tenant_id, actor_kind, actor, action, object, outcome)"
	       " select tenant_id, 'worker', $1, 'job.' || state, job_id, error_code from ended)"
	       " select ord, state::text, due_at from ended"};

/* Deltas first, in a statement of their own: only what the lease still covers. */
static const struct db_stmt runs_stmt = {.name = "finish_runs",
	.sql = "insert into job_event (retention, tenant_id, job_id, seq_from, count, fence, kind, attempt,"
	       "  detail, lengths, text)"
	       " select k.retention, k.tenant_id, k.job_id, k.seq_from, k.count, k.fence, k.kind, l.number,"
	       "  k.detail, k.lengths, k.text"
	       " from unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
	       "  k(tenant_id, job_id, fence, retention, seq_from, count, kind, detail, lengths, text)"
	       " cross join lateral (select l.number from job_lease l where l.worker_id = $1"
	       "  and l.tenant_id = k.tenant_id and l.job_id = k.job_id and l.fence = k.fence"
	       "  and k.seq_from >= l.event_from and k.seq_from + k.count - 1 <= l.event_to limit 1) l"
	       " on conflict do nothing"};

/* Ended by me, still mine, or neither. */
static const struct db_stmt settle_stmt = {.name = "finish_settle",
	.sql = "select k.ord, a.state::text, (select due_at from job_due d where a.state = 'waiting'"
	       "  and d.tenant_id = k.tenant_id and d.job_id = k.job_id), l.mine is not null"
	       " from unnest($2, $3, $4, $5) with ordinality k(tenant_id, job_id, fence, retention, ord)"
	       " left join lateral (select a.state from attempt a where a.tenant_id = k.tenant_id"
	       "  and a.job_id = k.job_id and a.fence = k.fence and a.retention = k.retention"
	       "  and a.worker_id = $1 and a.ended_by = 'holder'"
	       "  and a.retention between $6 and $7 and a.job_id between $8 and $9 limit 1) a on true"
	       " left join lateral (select true as mine from job_lease l where l.worker_id = $1"
	       "  and l.tenant_id = k.tenant_id and l.job_id = k.job_id and l.fence = k.fence limit 1) l on true",
	.reads = true};

static const struct db_stmt usage_stmt = {.name = "finish_usage",
	.sql = "update attempt a set input_tokens = k.input_tokens, output_tokens = k.output_tokens,"
	       "  cost_nano = k.cost_nano, upstream = coalesce(k.upstream, a.upstream),"
	       "  model = coalesce(k.model, a.model)"
	       " from unnest($2, $3, $4, $5, $6, $7, $8, $9, $10) with ordinality"
	       "  k(tenant_id, job_id, fence, retention, input_tokens, output_tokens, cost_nano, upstream,"
	       "  model, ord)"
	       " where a.tenant_id = k.tenant_id and a.job_id = k.job_id and a.fence = k.fence"
	       "  and a.retention = k.retention and a.worker_id = $1 and a.ended_by <> 'holder'"
	       " returning k.ord, a.state::text, null::timestamptz"};

#define COLUMN(type, item, value)                           \
	do {                                                \
		db_array(a, type, n);                       \
		for (size_t i_ = 0; i_ < n; i_++) {         \
			const struct finish *f = batch[i_]; \
			item(a, value);                     \
		}                                           \
	} while (0)

static void key_columns(struct db_args *a, struct finish *const *batch, size_t n)
{
	COLUMN(DB_ID, db_item_id, f->tenant);
	COLUMN(DB_ID, db_item_id, f->job);
	COLUMN(DB_INT8, db_item_int8, f->fence);
}

static void end_columns(struct db_args *a, struct finish *const *batch, size_t n)
{
	COLUMN(DB_INT2, db_item_int2, (int16_t)f->as);
	COLUMN(DB_TEXT, db_item_text, err_code(f->error));
	COLUMN(DB_INT8, db_item_int8, f->delay_ms);
	COLUMN(DB_TEXT, db_item_text, f->waiting_for);
	COLUMN(DB_INT8, db_item_int8, f->event_last);
	COLUMN(DB_TEXT, db_item_text, f->upstream);
	COLUMN(DB_TEXT, db_item_text, f->model);
	COLUMN(DB_INT4, db_item_int4, f->upstream_status);
	COLUMN(DB_INT8, db_item_int8, f->input_tokens);
	COLUMN(DB_INT8, db_item_int8, f->output_tokens);
	COLUMN(DB_INT8, db_item_int8, f->cost_nano);
	COLUMN(DB_INT4, db_item_int4, f->timings_ms[TIMING_ADMIT]);
	COLUMN(DB_INT4, db_item_int4, f->timings_ms[TIMING_FIRST_BYTE]);
	COLUMN(DB_INT4, db_item_int4, f->timings_ms[TIMING_STREAM]);
	COLUMN(DB_INT4, db_item_int4, f->timings_ms[TIMING_FINISH]);
	COLUMN(DB_BYTES, db_item_bytes, f->result);
	COLUMN(DB_ID, db_item_id_or_null, f->decision);
	db_arg_int4(a, FINISH_INTERRUPTIONS_MAX);
	COLUMN(DB_BYTES, db_item_bytes, f->message);
}

/* The runs of all elements, flat. */
struct run_of {
	const struct finish *f;
	const struct event_run *run;
};

static struct run_of *runs_flat(struct finish *const *batch, size_t n, size_t *ret_n)
{
	struct run_of *flat;
	size_t all = 0, i, j;

	for (i = 0; i < n; i++)
		all += batch[i]->runs_n;
	flat = all > 0 ? malloc(all * sizeof(*flat)) : NULL;
	*ret_n = all;
	all = 0;
	for (i = 0; flat != NULL && i < n; i++)
		for (j = 0; j < batch[i]->runs_n; j++)
			flat[all++] = (struct run_of){batch[i], &batch[i]->runs[j]};
	return flat;
}

#undef COLUMN
#define COLUMN(type, item, value)                           \
	do {                                                \
		db_array(a, type, n);                       \
		for (size_t i_ = 0; i_ < n; i_++) {         \
			const struct run_of *r = &flat[i_]; \
			item(a, value);                     \
		}                                           \
	} while (0)

static void run_columns(struct db_args *a, const struct run_of *flat, size_t n)
{
	COLUMN(DB_ID, db_item_id, r->f->tenant);
	COLUMN(DB_ID, db_item_id, r->f->job);
	COLUMN(DB_INT8, db_item_int8, r->f->fence);
	COLUMN(DB_INT2, db_item_int2, (int16_t)id_class(r->f->job));
	COLUMN(DB_INT8, db_item_int8, r->run->seq_from);
	COLUMN(DB_INT4, db_item_int4, r->run->count);
	COLUMN(DB_TEXT, db_item_text, event_kind_text(r->run->kind));
	COLUMN(DB_TEXT, db_item_text, r->run->detail);
	COLUMN(DB_BYTES, db_item_bytes, r->run->lengths);
	COLUMN(DB_BYTES, db_item_bytes, r->run->text);
}

static void runs_query(struct db *db, struct id worker, struct finish *const *batch, size_t n)
{
	size_t runs_n;
	struct run_of *flat = runs_flat(batch, n, &runs_n);
	struct db_args a;

	if (runs_n == 0)
		return;
	db_args_init(&a);
	db_arg_id(&a, worker);
	if (flat == NULL)
		a.bytes.err = ERR_NOMEM;
	else
		run_columns(&a, flat, runs_n);
	db_query(db, &runs_stmt, &a);
	free(flat);
}

/* Sorted by job, the order in which rows are locked everywhere. The call owns this order. */
static int by_job(const void *a, const void *b)
{
	return id_compare((*(struct finish *const *)a)->job, (*(struct finish *const *)b)->job);
}

struct finish_call {
	struct call call;
	struct id worker;
	struct finish *const *told; /* the caller's array, in the caller's order */
	struct finish *sorted[];
};

static void tell(struct finish_call *c, enum err e)
{
	((finish_done *)c->call.done)(c->call.ctx, e, c->told, c->call.n);
	free(c);
}

static enum err scope_begin(struct db *db, struct finish *const *batch, size_t n)
{
	struct id *tenants = malloc(n * sizeof(*tenants));
	enum err e;
	size_t i;

	if (tenants == NULL)
		return ERR_NOMEM;
	for (i = 0; i < n; i++)
		tenants[i] = batch[i]->tenant;
	e = db_begin(db, tenants, n);
	free(tenants);
	return e;
}

static enum err call_new(struct db *db, struct id worker, struct finish *const *batch, size_t n,
	struct finish_call **ret_call)
{
	struct finish_call *c;
	enum err e;

	if (n == 0 || n > FINISH_MAX)
		return ERR_TOO_LARGE;
	c = calloc(1, sizeof(*c) + n * sizeof(c->sorted[0]));
	if (c == NULL)
		return ERR_NOMEM;
	e = scope_begin(db, batch, n);
	if (e != ERR_OK) {
		free(c);
		return e;
	}
	memcpy(c->sorted, batch, n * sizeof(c->sorted[0]));
	qsort(c->sorted, n, sizeof(c->sorted[0]), by_job);
	c->call.db = db;
	c->call.n = n;
	c->worker = worker;
	c->told = batch;
	*ret_call = c;
	return ERR_OK;
}

/* ---- settling ---- */

static void on_settle(void *ctx, enum err e, const struct db_reply *reply)
{
	struct finish_call *c = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	struct finish *f;
	size_t i;

	for (i = 0; r != NULL && i < db_rows_n(r); i++) {
		f = c->sorted[db_int(r, i, 0) - 1];
		if (!db_null(r, i, 1)) {
			f->outcome = ERR_OK;
			f->state = job_state_from_text(db_text(r, i, 1));
			f->due_ms = db_time(r, i, 2);
		} else {
			f->outcome = db_int(r, i, 3) != 0 ? ERR_UNAVAILABLE : ERR_LOST;
		}
	}
	tell(c, e);
}

static void settle_query(struct finish_call *c)
{
	struct job_key *keys = malloc(c->call.n * sizeof(*keys));
	struct db_args a;
	size_t i;

	db_args_init(&a);
	db_arg_id(&a, c->worker);
	key_columns(&a, c->sorted, c->call.n);
	db_array(&a, DB_INT2, c->call.n);
	for (i = 0; i < c->call.n; i++)
		db_item_int2(&a, (int16_t)id_class(c->sorted[i]->job));
	for (i = 0; keys != NULL && i < c->call.n; i++)
		keys[i].job = c->sorted[i]->job;
	if (keys != NULL)
		job_span_args(&a, keys, c->call.n);
	else
		a.bytes.err = ERR_NOMEM;
	db_query(c->call.db, &settle_stmt, &a);
	db_commit(c->call.db, on_settle, c);
	free(keys);
}

enum err finish_settle(struct db *db, struct id worker, struct finish *const *batch, size_t n,
	finish_done *done, void *ctx)
{
	struct finish_call *c;
	enum err e = call_new(db, worker, batch, n, &c);

	if (e != ERR_OK)
		return e;
	c->call.done = (call_fn *)done;
	c->call.ctx = ctx;
	settle_query(c);
	return ERR_OK;
}

/* ---- finishing ---- */

static void outcomes_take(struct finish_call *c, const struct db_rows *r)
{
	struct finish *f;
	size_t i;

	for (i = 0; i < c->call.n; i++)
		c->sorted[i]->outcome = ERR_LOST;
	for (i = 0; i < db_rows_n(r); i++) {
		f = c->sorted[db_int(r, i, 0) - 1];
		f->outcome = ERR_OK;
		f->state = job_state_from_text(db_text(r, i, 1));
		f->due_ms = f->state == JOB_WAITING ? db_time(r, i, 2) : 0;
	}
}

static void on_usage(void *ctx, enum err e, const struct db_reply *reply)
{
	struct finish_call *c = ctx;

	if (e == ERR_OK)
		outcomes_take(c, db_reply_rows(reply, 0));
	tell(c, e);
}

/* A row that another transaction touched in the same moment is not found by its address, though
 * its lease may still be ours: whatever did not match is settled by reading once more. */
static void on_finish(void *ctx, enum err e, const struct db_reply *reply)
{
	struct finish_call *c = ctx;
	const struct db_rows *r;

	if (e == ERR_OK) {
		r = db_reply_rows(reply, db_reply_n(reply) - 1);
		outcomes_take(c, r);
		if (db_rows_n(r) < c->call.n &&
			scope_begin(c->call.db, c->told, c->call.n) == ERR_OK) {
			settle_query(c);
			return;
		}
	}
	tell(c, e);
}

enum err finish_batch(struct db *db, struct id worker, struct finish *const *batch, size_t n,
	finish_done *done, void *ctx)
{
	struct finish_call *c;
	struct db_args a;
	enum err e = call_new(db, worker, batch, n, &c);

	if (e != ERR_OK)
		return e;
	c->call.done = (call_fn *)done;
	c->call.ctx = ctx;
	runs_query(db, worker, c->sorted, n);
	db_args_init(&a);
	db_arg_id(&a, worker);
	key_columns(&a, c->sorted, n);
	end_columns(&a, c->sorted, n);
	db_query(db, &finish_stmt, &a);
	db_commit(db, on_finish, c);
	return ERR_OK;
}

#undef COLUMN
#define COLUMN(type, item, value)                               \
	do {                                                    \
		db_array(&a, type, n);                          \
		for (size_t i_ = 0; i_ < n; i_++) {             \
			const struct finish *f = c->sorted[i_]; \
			item(&a, value);                        \
		}                                               \
	} while (0)

enum err finish_usage(struct db *db, struct id worker, struct finish *const *batch, size_t n,
	finish_done *done, void *ctx)
{
	struct finish_call *c;
	struct db_args a;
	enum err e = call_new(db, worker, batch, n, &c);

	if (e != ERR_OK)
		return e;
	c->call.done = (call_fn *)done;
	c->call.ctx = ctx;
	db_args_init(&a);
	db_arg_id(&a, worker);
	key_columns(&a, c->sorted, n);
	COLUMN(DB_INT2, db_item_int2, (int16_t)id_class(f->job));
	COLUMN(DB_INT8, db_item_int8, f->input_tokens);
	COLUMN(DB_INT8, db_item_int8, f->output_tokens);
	COLUMN(DB_INT8, db_item_int8, f->cost_nano);
	COLUMN(DB_TEXT, db_item_text, f->upstream);
	COLUMN(DB_TEXT, db_item_text, f->model);
	db_query(db, &usage_stmt, &a);
	db_commit(db, on_usage, c);
	return ERR_OK;
}
