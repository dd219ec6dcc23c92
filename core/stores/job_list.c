#include "stores/job_list.h"

#include "stores/job_columns.h"
#include "stores/room_sql.h"
#include "stores/store_call.h"
#include "stores/subject_key.h"

#include <stdlib.h>
#include <string.h>

/* Arguments: $1 tenant, $2 after, $3..$6 span, $7 queue, $8 states, $9 kind, $10 error code,
 * $11 model, $12 upstream, $13 dead, $14 and $15 created between, $16 hashes, $17 the one terminal
 * state, $18 limit, $19 principal. A statement uses those that it needs. */
#define FILTER                                                                             \
	" ($7 = 0 or j.queue_id = $7)"                                                     \
	" and ($8 is null or j.state = any(coalesce((select ($8)::job_state[]), '{}')))"   \
	" and ($9 is null or j.kind = $9) and ($10 is null or j.error_code = $10)"         \
	" and ($11 is null or j.model = $11) and ($12 is null or j.upstream = $12)"        \
	" and ($13 < 0 or j.dead = ($13 = 1))"                                             \
	" and ($14 is null or j.created_at > $14) and ($15 is null or j.created_at < $15)" \
	" and ($19 is null or j.principal = $19)"
#define BOUNDS(t) \
	" and " t ".job_id >= $5 and " t ".job_id <= $6 and ($2 is null or " t ".job_id < $2)"
#define CLASSES(t) " and " t ".retention between $3 and $4"
#define ALL_HASHES                                                                               \
	" not exists (select from unnest($16) h(hash) where not exists (select from job_match x" \
	"  where x.tenant_id = $1 and x.hash = h.hash and x.job_id = j.job_id"                   \
	"  and x.retention = j.retention))"

#define FROM_JOB(whose)                                                   \
	" from (select * from job j where j.tenant_id = $1" whose BOUNDS( \
		"j") " and" FILTER " order by j.job_id desc limit $18) j"
#define ALL ""
#define OWN " and j.principal = $19" /* somebody's own among all of a tenant's */
/* Jobs in a terminal state are found by it: among a million completed ones, three that failed. One
 * that failed, was retried and failed again is there twice. */
#define FROM_DONE                                                                                               \
	" from (select j.* from (select distinct on (d.job_id) d.job_id from job_done d where d.tenant_id = $1" \
	"   and d.state = ($17)::job_state" BOUNDS("d") CLASSES(                                                \
		"d") "   order by d.job_id desc) d cross join lateral"                                          \
		     "  (select * from job j where j.tenant_id = $1 and j.job_id = d.job_id and" FILTER         \
		     "   limit 1) j limit $18) j"
#define FROM_MATCH                                                                                      \
	" from (select j.* from (select m.job_id from job_match m where m.tenant_id = $1"               \
	"   and m.hash = ($16)[1]" BOUNDS("m") CLASSES(                                                 \
		"m") "   order by m.job_id desc) m cross join lateral"                                  \
		     "  (select * from job j where j.tenant_id = $1 and j.job_id = m.job_id and" FILTER \
		     "   limit 1) j where" ALL_HASHES " limit $18) j"
#define NEWEST " order by j.job_id desc"

/* Jobs that have not ended: either they are many among the newest, and a short walk fills the page,
 * or they are found by the rows that wait and run for them: ten that are queued, older than a
 * million that ended. Those rows have no order by id, so all of the tenant's are read. A lease may
 * be astray, beside its job's other row: the job's own state decides. */
#define WALKED	     "1000"
#define FILLED	     "(select so from filled)"
#define ASKED(state) " and not " FILLED " and '" state "'::job_state = any(($8)::job_state[])"
#define READY                                               \
	"select job_id from job_ready where tenant_id = $1" \
	" and queue_id between $7 and case $7 when 0 then 2147483647 else $7 end" ASKED("queued")
#define DUE    "select job_id from job_due where tenant_id = $1" ASKED("waiting")
#define LEASED /* offset: no planner begins with the leases */                            \
	"select l.job_id from worker w cross join lateral (select job_id from job_lease"  \
	" where worker_id = w.worker_id and tenant_id = $1 offset 0) l where true" ASKED( \
		"running")
#define LIVE "(" READY " union all " DUE " union all " LEASED ")"
#define FROM_LIVE(whose)                                                                               \
	" from (with walked as materialized (select * from (select * from job j"                       \
	" where j.tenant_id = $1" whose BOUNDS(                                                        \
		"j") " order by j.job_id desc limit " WALKED ") j where" FILTER " limit $18),"         \
		     " filled as materialized (select count(*) = $18 as so from walked)"               \
		     " select * from walked where " FILLED " union all"                                \
		     " (select j.* from (select distinct on (l.job_id) l.job_id from " LIVE            \
		     " l where true" BOUNDS(                                                           \
			     "l") " order by l.job_id desc) l cross join lateral (select * from job j" \
				  " where j.tenant_id = $1 and j.job_id = l.job_id and" FILTER         \
				  " limit 1) j limit $18)) j"

/* The two statements of a list: its facts, and with labels. */
#define LISTS(drive, from)                                                                         \
	{                                                                                          \
		{.name = "job_list" drive, .sql = "select " JOB_FACTS from NEWEST, .reads = true}, \
		{                                                                                  \
			.name = "job_list" drive "_labels",                                        \
			.sql = "select " JOB_FACTS JOB_LABELS from JOB_WITH_INPUT NEWEST,          \
			.reads = true                                                              \
		}                                                                                  \
	}
/* As many as a person needs to know: beyond COUNT_MAX the count stops. */
#define COUNT(drive, from)                                                              \
	{                                                                               \
		.name = "job_count" drive, .sql = "select count(*)" from, .reads = true \
	}
#define DRIVES_TABLE(X)                                \
	X(DRIVE_JOB, "", FROM_JOB(ALL))                \
	X(DRIVE_OWN, "_own", FROM_JOB(OWN))            \
	X(DRIVE_LIVE, "_live", FROM_LIVE(ALL))         \
	X(DRIVE_LIVE_OWN, "_live_own", FROM_LIVE(OWN)) \
	X(DRIVE_DONE, "_done", FROM_DONE)              \
	X(DRIVE_MATCH, "_match", FROM_MATCH)

#define DRIVE_NAME(id, drive, from) id,
enum { DRIVES_TABLE(DRIVE_NAME) DRIVES };

#define DRIVE_LISTS(id, drive, from) [id] = LISTS(drive, from),
static const struct db_stmt list_stmts[DRIVES][2] = {DRIVES_TABLE(DRIVE_LISTS)};

#define DRIVE_COUNT(id, drive, from) [id] = COUNT(drive, from),
static const struct db_stmt count_stmts[DRIVES] = {DRIVES_TABLE(DRIVE_COUNT)};

/* As JOB_RETRY judges them one by one: what still has its content, up to its queue's room, and of
 * all that fits up to the tenant's. */
#define RETRY_COUNT(from)                                                                                         \
	"with matched as materialized (select j.tenant_id, j.job_id, j.retention, j.queue_id" from                \
	"),"                                                                                                      \
	" asked as materialized (select j.queue_id, count(*) as n from matched j"                                 \
	"  where exists (select from job_input i where " JOB_KEY(                                                 \
		"i") " and i.input is not null)"                                                                  \
		     "  group by j.queue_id),"                                                                    \
		     " queues as materialized (select q.queue_id, q.draining," ROOM_OF_QUEUE                      \
		     " as room"                                                                                   \
		     "  from" ROOM_QUEUES " where q.queue_id in (select queue_id from asked)),"                   \
		     " fits as materialized (select coalesce(q.draining, false) as draining, a.n,"                \
		     "  least(a.n, coalesce(q.room, 0)) as fit from asked a left join queues q using (queue_id))" \
		     " select (select count(*) from matched),"                                                    \
		     "  coalesce(sum(n - fit) filter (where not draining), 0)::bigint,"                           \
		     "  coalesce(sum(n) filter (where draining), 0)::bigint,"                                     \
		     "  greatest(0, coalesce(sum(fit), 0) - coalesce((select" ROOM_OF_TENANT                      \
		     "   from tenant_limit l where l.tenant_id = $1), " ROOM_ENDLESS                              \
		     "))::bigint from fits"

#define DRIVE_RETRIES(id, drive, from) \
	[id] = {.name = "job_retry_count" drive, .sql = RETRY_COUNT(from), .reads = true},
static const struct db_stmt retry_count_stmts[DRIVES] = {DRIVES_TABLE(DRIVE_RETRIES)};

/* The attempts that ended, and the one that runs. */
static const struct db_stmt attempts_stmt = {.name = "attempt_list",
	.sql = "with own as materialized (select " KEY_OF(
		"i") " from job_input i where i.tenant_id = $1"
		     "  and i.job_id = $2 and i.retention = $3)"
		     " select a.worker_id, a.fence, a.number, a.started_at, a.ended_at, a.outcome,"
		     "  a.state::text, a.ended_by, a.upstream, a.model, coalesce(a.upstream_status, 0),"
		     "  a.input_tokens, a.output_tokens, a.cost_nano, a.admit_ms, a.first_byte_ms,"
		     "  a.stream_ms, a.finish_ms, a.event_from, a.event_to, a.restarted, a.message,"
		     "  a.key_label, a.called_model, a.fallback, a.estimated, coalesce(a.waiting_for, ''),"
		     "  a.retry_after_ms, a.held_by, null::timestamptz,"
		     "  own.*"
		     " from attempt a left join own on true where a.tenant_id = $1 and a.job_id = $2 and a.retention = $3"
		     " union all select l.worker_id, l.fence, l.number, l.started_at, null, '', 'running',"
		     "  '', l.upstream, coalesce(l.model, j.model), 0, 0, 0, 0, -1, -1, -1, -1, l.event_from,"
		     "  l.event_to, l.restarted, null, l.key_label, null, coalesce(l.model <> j.model, false),"
		     "  false, '', 0, l.held_by, l.told_since, null, null"
		     " from (select * from job j where j.tenant_id = $1 and j.job_id = $2"
		     "  and j.state = 'running' limit 1) j cross join lateral (select * from job_lease l"
		     "  where l.worker_id = j.worker_id and l.tenant_id = $1 and l.job_id = $2 limit 1) l"
		     " order by 2",
	.reads = true};

static const struct id greatest_id = {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
/* An id is made shortly before its row: this covers the difference. */
enum { ID_SLACK_MS = 60000, COUNT_MAX = 100000 };

static struct id id_at(int64_t ms, struct id rest)
{
	int i;

	for (i = 0; i < 6; i++)
		rest.bytes[i] = (uint8_t)((uint64_t)ms >> (40 - 8 * i));
	return rest;
}

static void span_args(struct db_args *a, const struct job_filter *f)
{
	struct id low = {{0}}, high = greatest_id;

	if (f->created_after_ms > ID_SLACK_MS)
		low = id_at(f->created_after_ms - ID_SLACK_MS, low);
	if (f->created_before_ms > 0)
		high = id_at(f->created_before_ms + ID_SLACK_MS, high);
	db_arg_int4(a, 0);
	db_arg_int4(a, ID_CLASSES);
	db_arg_id(a, low);
	db_arg_id(a, high);
}

/* Only states in which a job has not ended are asked for. */
static bool only_live(const struct job_filter *f)
{
	enum job_state s;

	for (s = 0; s < JOB_STATES; s++)
		if ((f->states >> s & 1) && job_state_terminal(s))
			return false;
	return f->states != 0;
}

/* The one terminal state that is asked for; JOB_STATES when it is not one. */
static enum job_state one_terminal(const struct job_filter *f)
{
	int states = f->states != 0 ? f->states : (1 << JOB_STATES) - 1;
	enum job_state s;

	if (f->dead == 1)
		states &= 1 << JOB_FAILED;
	for (s = 0; s < JOB_STATES; s++)
		if (states == 1 << s && job_state_terminal(s))
			return s;
	return JOB_STATES;
}

static void states_arg(struct db_args *a, int states)
{
	enum job_state s;
	size_t n = 0;

	if (states == 0) {
		db_arg_texts_null(a);
		return;
	}
	for (s = 0; s < JOB_STATES; s++)
		n += (states >> s) & 1;
	db_array(a, DB_TEXT, n);
	for (s = 0; s < JOB_STATES; s++)
		if ((states >> s) & 1)
			db_item_text(a, job_state_text(s));
}

static void filter_args(struct db_args *a, const struct job_filter *f)
{
	enum job_state terminal = one_terminal(f);

	db_arg_int4(a, f->queue_id);
	states_arg(a, f->states);
	db_arg_text(a, f->kind);
	db_arg_text(a, f->error_code);
	db_arg_text(a, f->model);
	db_arg_text(a, f->upstream);
	db_arg_int4(a, f->dead);
	db_arg_time(a, f->created_after_ms);
	db_arg_time(a, f->created_before_ms);
	DB_COLUMN(a, f->hashes_n, bytes, (struct db_bytes){f->hashes[i], sizeof(f->hashes[i])});
	db_arg_text(a, terminal != JOB_STATES ? job_state_text(terminal) : NULL);
}

static size_t drive_of(const struct job_filter *f)
{
	if (f->hashes_n > 0)
		return DRIVE_MATCH;
	if (only_live(f))
		return id_is_zero(f->principal) ? DRIVE_LIVE : DRIVE_LIVE_OWN;
	if (!id_is_zero(f->principal))
		return DRIVE_OWN;
	return one_terminal(f) != JOB_STATES ? DRIVE_DONE : DRIVE_JOB;
}

static void page_args(struct db_args *a, const struct job_filter *f, struct id after, size_t limit)
{
	db_args_init(a);
	db_arg_id(a, f->tenant);
	db_arg_id_or_null(a, after);
	span_args(a, f);
	filter_args(a, f);
	db_arg_int8(a, (int64_t)limit);
	db_arg_id_or_null(a, f->principal);
}

enum err job_list(struct db *db, const struct job_page *page, job_read_done *done, void *ctx)
{
	size_t level = page->what != 0 ? 1 : 0;
	struct db_args a;

	page_args(&a, &page->filter, page->after, page->limit);
	return store_call_run(&(struct store_call_ask){.db = db,
		.tenants = &page->filter.tenant,
		.tenants_n = 1,
		.stmt = &list_stmts[drive_of(&page->filter)][level],
		.args = &a,
		.on_done = job_rows_done,
		.with = {.done = (store_call_fn *)done, .ctx = ctx, .n = level}});
}

static void on_count(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	int64_t n = e == ERR_OK ? db_int(db_reply_rows(reply, 0), 0, 0) : 0;

	((job_count_done *)call->done)(call->ctx, e, n);
	free(call);
}

static void on_retry_count(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e ? NULL : db_reply_rows(reply, 0);
	struct job_retry_count count = {0};

	if (r)
		count = (struct job_retry_count){.matched = db_int(r, 0, 0),
			.queue_full = db_int(r, 0, 1),
			.queue_draining = db_int(r, 0, 2),
			.tenant_full = db_int(r, 0, 3)};
	((job_retry_count_done *)call->done)(call->ctx, e, r ? &count : NULL);
	free(call);
}

static enum err count_run(struct db *db, const struct job_filter *filter,
	const struct db_stmt *stmts, db_done_fn *on_done, struct store_call with)
{
	struct db_args a;

	page_args(&a, filter, (struct id){{0}}, COUNT_MAX);
	return store_call_run(&(struct store_call_ask){.db = db,
		.tenants = &filter->tenant,
		.tenants_n = 1,
		.stmt = &stmts[drive_of(filter)],
		.args = &a,
		.on_done = on_done,
		.with = with});
}

enum err job_count(struct db *db, const struct job_filter *filter, job_count_done *done, void *ctx)
{
	return count_run(db, filter, count_stmts, on_count,
		(struct store_call){.done = (store_call_fn *)done, .ctx = ctx});
}

enum err job_retry_count(
	struct db *db, const struct job_filter *filter, job_retry_count_done *done, void *ctx)
{
	return count_run(db, filter, retry_count_stmts, on_retry_count,
		(struct store_call){.done = (store_call_fn *)done, .ctx = ctx});
}

static void attempt_take(struct attempt_row *t, const struct db_rows *r, size_t i)
{
	*t = (struct attempt_row){
		.worker = db_id(r, i, 0),
		.fence = db_int(r, i, 1),
		.number = (int)db_int(r, i, 2),
		.started_ms = db_time(r, i, 3),
		.ended_ms = db_time(r, i, 4),
		.outcome = db_text(r, i, 5),
		.state = db_text(r, i, 6),
		.ended_by = db_text(r, i, 7),
		.upstream = db_text(r, i, 8),
		.model = db_text(r, i, 9),
		.upstream_status = (int)db_int(r, i, 10),
		.input_tokens = db_int(r, i, 11),
		.output_tokens = db_int(r, i, 12),
		.cost_nano = db_int(r, i, 13),
		.timings_ms = {-1, -1, (int32_t)db_int(r, i, 14), (int32_t)db_int(r, i, 15),
			(int32_t)db_int(r, i, 16), (int32_t)db_int(r, i, 17)},
		.event_from = db_int(r, i, 18),
		.event_to = db_int(r, i, 19),
		.restarted = db_int(r, i, 20) != 0,
		.message = db_value(r, i, 21),
		.key_label = db_text(r, i, 22),
		.called_model = db_text(r, i, 23),
		.fallback = db_int(r, i, 24) != 0,
		.estimated = db_int(r, i, 25) != 0,
		.waiting_for = db_text(r, i, 26),
		.retry_after_ms = db_int(r, i, 27),
		.held_by = db_text(r, i, 28),
		.since_ms = db_time(r, i, 29),
		.key = subject_key_take(r, i, 30),
	};
}

static void on_attempts(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = r != NULL ? db_rows_n(r) : 0, i;
	struct attempt_row *rows = store_call_rows(&e, n, sizeof(*rows));

	for (i = 0; rows != NULL && i < n; i++)
		attempt_take(&rows[i], r, i);
	((attempt_list_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

enum err attempt_list(struct db *db, struct job_key key, attempt_list_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, key.tenant);
	db_arg_id(&a, key.job);
	db_arg_int4(&a, (int32_t)id_class(key.job));
	return store_call_run(&(struct store_call_ask){.db = db,
		.tenants = &key.tenant,
		.tenants_n = 1,
		.stmt = &attempts_stmt,
		.args = &a,
		.on_done = on_attempts,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}
