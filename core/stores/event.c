#include "stores/event.h"

#include "stores/store_call.h"
#include "stores/subject_key.h"

#include <stdlib.h>
#include <string.h>

#define EVENT_KIND_TABLE(X)           \
	X(QUEUED, "job.queued")       \
	X(RUNNING, "job.running")     \
	X(RESTARTED, "job.restarted") \
	X(DELTA, "job.delta")         \
	X(PROGRESS, "job.progress")   \
	X(WAITING, "job.waiting")     \
	X(COMPLETED, "job.completed") \
	X(FAILED, "job.failed")       \
	X(CANCELLED, "job.cancelled") \
	X(EXPIRED, "job.expired")

#define KIND_TEXT(name, text) [EVENT_##name] = text,
static const char *const KIND_TEXTS[EVENT_KINDS] = {EVENT_KIND_TABLE(KIND_TEXT)};
#undef KIND_TEXT

const char *event_kind_text(enum event_kind k)
{
	return k < EVENT_KINDS ? KIND_TEXTS[k] : "";
}

/* $1 tenant, $2 job, $3 retention, $4 after. Each returns rows of one shape:
 * kind, first number, count, at, attempt, text, lengths, detail. */
#define OF_JOB "tenant_id = $1 and job_id = $2"

static const struct db_stmt EVENT_JOB = {.name = "event_job",
	.sql = "select j.state::text, j.version, j.event_next, j.fence, coalesce(l.event_from, 0),"
	       " l.started_at, l.number, l.restarted, j.created_at, " KEY_OF(
		       "i") " from job j left join lateral (select * from job_lease l where j.state = 'running'"
			    " and l.worker_id = j.worker_id and l.tenant_id = j.tenant_id and l.job_id = j.job_id limit 1)"
			    " l on true left join lateral (select tenant_id, key_id from job_input i"
			    "  where i.tenant_id = $1 and i.job_id = $2 and i.retention = $3 limit 1) i on true"
			    " where j.tenant_id = $1 and j.job_id = $2",
	true};

/* Everything that has a number, by number. An attempt gives two: how it began and how it ended. A
 * terminal row whose number an attempt's end already told is the same event. */
static const struct db_stmt EVENT_ROWS = {.name = "event_rows",
	.sql = "with a as materialized (select * from attempt where " OF_JOB
	       " and retention = $3 and event_to > $4)"
	       " select kind, seq, count, at, attempt, body, lengths, detail from ("
	       " select case when restarted then 'job.restarted' else 'job.running' end as kind,"
	       " event_from as seq, 1 as count, started_at as at, number::int as attempt, null::bytea as body,"
	       " null::bytea as lengths, '' as detail from a"
	       " union all select 'job.' || state::text, event_to, 1, ended_at, number, null, null,"
	       " case when state = 'waiting' then waiting_for when state = 'completed' then '' else outcome end"
	       " from a"
	       " union all select 'job.' || state::text, event_seq, 1, finished_at, 0, null, null, error_code"
	       " from job_done d where " OF_JOB " and retention = $3 and event_seq > $4"
	       " and state in ('completed', 'failed', 'cancelled', 'expired')"
	       " and not exists (select from a where a.event_to = d.event_seq)"
	       " union all select kind, seq_from, count, at, attempt, text, lengths, detail"
	       " from job_event where " OF_JOB " and retention = $3 and seq_from + count > $4 + 1"
	       ") everything order by seq",
	true};

/* No value is fetched for its length. */
static const struct db_stmt EVENT_WEIGH = {.name = "event_weigh",
	.sql = "select j.event_next, coalesce((select sum(coalesce(octet_length(text), 0)"
	       " + coalesce(octet_length(lengths), 0)) from job_event where " OF_JOB
	       " and retention = $3), 0)::bigint from job j where " OF_JOB,
	true};

struct read {
	event_read_done *done;
	void *ctx;
	struct job_key key;
	int64_t after;
};

/* A page under construction: runs in order, holes filled as they show. */
struct pages {
	struct event_run *runs;
	size_t n, room;
	int64_t next; /* the number that must come next */
};

static enum err pages_add(struct pages *p, const struct event_run *run)
{
	if (p->n == p->room) {
		size_t room = p->room == 0 ? 16 : p->room * 2;
		struct event_run *runs = realloc(p->runs, room * sizeof(*runs));

		if (runs == NULL)
			return ERR_NOMEM;
		p->runs = runs;
		p->room = room;
	}
	p->runs[p->n++] = *run;
	p->next = run->seq_from + run->count;
	return ERR_OK;
}

/* Numbers that nobody wrote down, of an attempt that another ended, are empty deltas. */
static enum err pages_fill(struct pages *p, int64_t to)
{
	struct event_run hole = {
		.kind = EVENT_DELTA,
		.seq_from = p->next,
		.count = (int32_t)(to - p->next),
		.detail = "",
	};

	return to > p->next ? pages_add(p, &hole) : ERR_OK;
}

static enum event_kind kind_from_text(const char *text)
{
	enum event_kind k = 0;

	while (k < EVENT_KINDS - 1 && strcmp(KIND_TEXTS[k], text) != 0)
		k++;
	return k;
}

static struct event_run row_run(const struct db_rows *rows, size_t i)
{
	return (struct event_run){
		.kind = kind_from_text(db_text(rows, i, 0)),
		.seq_from = db_int(rows, i, 1),
		.count = (int32_t)db_int(rows, i, 2),
		.at_ms = db_time(rows, i, 3),
		.attempt = (int)db_int(rows, i, 4),
		.text = db_value(rows, i, 5),
		.lengths = db_value(rows, i, 6),
		.detail = db_text(rows, i, 7),
	};
}

/* The running attempt's own start; after it only what is written down is told. */
static enum err pages_lease(struct pages *p, const struct db_rows *job)
{
	struct event_run began = {
		.kind = db_int(job, 0, 7) != 0 ? EVENT_RESTARTED : EVENT_RUNNING,
		.seq_from = db_int(job, 0, 4),
		.count = 1,
		.at_ms = db_time(job, 0, 5),
		.attempt = (int)db_int(job, 0, 6),
		.detail = "",
	};
	enum err e = pages_fill(p, began.seq_from);

	return e == ERR_OK && began.seq_from >= p->next ? pages_add(p, &began) : e;
}

static enum err pages_rows(
	struct pages *p, const struct db_rows *job, const struct db_rows *rows, int64_t after)
{
	int64_t lease_from = db_int(job, 0, 4);
	bool lease_told = lease_from == 0 || lease_from <= after;
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < db_rows_n(rows); i++) {
		struct event_run run = row_run(rows, i);

		if (!lease_told && run.seq_from > lease_from) {
			e = pages_lease(p, job);
			lease_told = true;
		}
		if (e == ERR_OK)
			e = pages_fill(p, run.seq_from);
		if (e == ERR_OK && run.seq_from + run.count > p->next)
			e = pages_add(p, &run);
	}
	return e == ERR_OK && !lease_told ? pages_lease(p, job) : e;
}

static enum err page_build(const struct read *read, const struct db_rows *job,
	const struct db_rows *rows, struct pages *p)
{
	struct event_run queued = {
		.kind = EVENT_QUEUED,
		.seq_from = 1,
		.count = 1,
		.at_ms = db_time(job, 0, 8),
		.detail = "",
	};
	enum err e = ERR_OK;

	p->next = read->after + 1;
	if (read->after < 1)
		e = pages_add(p, &queued);
	return e == ERR_OK ? pages_rows(p, job, rows, read->after) : e;
}

static bool last_is_terminal(const struct pages *p, enum job_state state, int64_t event_next)
{
	return job_state_terminal(state) && p->next >= event_next;
}

static void read_ended(void *ctx, enum err e, const struct db_reply *reply)
{
	struct read *read = ctx;
	const struct db_rows *job = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	struct event_page page = {0};
	struct pages p = {0};

	if (job == NULL || db_rows_n(job) == 0)
		goto out;
	e = page_build(read, job, db_reply_rows(reply, 1), &p);
	if (e != ERR_OK)
		goto out;
	page.found = true;
	page.tenant = read->key.tenant;
	page.job = read->key.job;
	page.key = subject_key_take(job, 0, 9);
	page.state = job_state_from_text(db_text(job, 0, 0));
	page.version = db_int(job, 0, 1);
	page.fence = db_int(job, 0, 3);
	page.runs = p.runs;
	page.n = p.n;
	page.next = p.next;
	page.live_from = page.state == JOB_RUNNING ? p.next : 0;
	page.ended = last_is_terminal(&p, page.state, db_int(job, 0, 2));
out:
	read->done(read->ctx, e, &page);
	free(p.runs);
	free(read);
}

static void read_args(struct db_args *args, const struct read *read)
{
	db_args_init(args);
	db_arg_id(args, read->key.tenant);
	db_arg_id(args, read->key.job);
	db_arg_int4(args, (int32_t)id_class(read->key.job));
}

enum err event_read(
	struct db *db, struct job_key key, int64_t after, event_read_done *done, void *ctx)
{
	struct read *read = malloc(sizeof(*read));
	enum err e = read == NULL ? ERR_NOMEM : db_begin(db, &key.tenant, 1);
	struct db_args args;

	if (e != ERR_OK) {
		free(read);
		return e;
	}
	*read = (struct read){done, ctx, key, after};
	read_args(&args, read);
	db_query(db, &EVENT_JOB, &args);
	read_args(&args, read);
	db_arg_int8(&args, after);
	db_query(db, &EVENT_ROWS, &args);
	db_commit(db, read_ended, read);
	return ERR_OK;
}

static void weighed(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *rows = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	struct event_weight weight = {0};

	if (rows != NULL && db_rows_n(rows) == 0)
		e = ERR_NOT_FOUND;
	if (e == ERR_OK)
		weight = (struct event_weight){
			.events = db_int(rows, 0, 0), .bytes = (size_t)db_int(rows, 0, 1)};
	((event_weigh_done *)call->done)(call->ctx, e, e == ERR_OK ? &weight : NULL);
	free(call);
}

enum err event_weigh(struct db *db, struct job_key key, event_weigh_done *done, void *ctx)
{
	struct db_args args;

	db_args_init(&args);
	db_arg_id(&args, key.tenant);
	db_arg_id(&args, key.job);
	db_arg_int4(&args, (int32_t)id_class(key.job));
	return store_call_run(&(struct store_call_ask){db, &key.tenant, 1, &EVENT_WEIGH, &args,
		weighed, {.done = (store_call_fn *)done, .ctx = ctx}});
}
