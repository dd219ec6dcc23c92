#include "stores/reap.h"

#include "stores/finish.h"
#include "stores/guess_sql.h"
#include "stores/store_call.h"
#include "stores/submit.h"
#include "stores/term_work.h"

#include <stdlib.h>

#define LOCKS                                                                \
	"array(select (classid::bigint << 32) | objid::bigint from pg_locks" \
	" where locktype = 'advisory' and objsubid = 1 and granted"          \
	" and database = (select oid from pg_database where datname = current_database()))"
#define QUIET	   "interval '" SQL_NUMBER(REAP_SILENT_MS) " milliseconds'"
#define POISON	   " + 1 >= " SQL_NUMBER(REAP_CRASHES_MAX) /* behind the crashes before this one */
#define TIRED	   " + 1 > " SQL_NUMBER(FINISH_INTERRUPTIONS_MAX)
#define WANTED	   CALLBACK_WANTED(CALLBACK_FAILED)
#define NOTES_PAGE "100" /* late crash notes looked at in one call */

static const struct db_stmt REAP_LOOK = {.name = "reap_look",
	.sql = "select w.worker_id, b.beat_at < now() - " QUIET ", w.lock_key = any(" LOCKS "),"
	       " b.beat_at < now() - w.lease_ms * interval '1 millisecond',"
	       " (extract(epoch from now() - b.beat_at) * 1000)::bigint, w.lease_ms"
	       " from worker w cross join lateral"
	       " (select beat_at from worker_beat where worker_id = w.worker_id limit 1) b"
	       " where w.gone is null order by b.beat_at",
	true};

/* $2 workers, $3 whether a missing lock is enough. The beat is read again: one that came since the
 * look saves its worker. */
static const struct db_stmt REAP_DECLARE = {.name = "reap_declare",
	.sql = "with " TERM_SQL ","
	       " k as materialized (select w.at from unnest($2::uuid[]) k(worker_id)"
	       " cross join lateral"
	       " (select w.ctid as at, w.lease_ms, w.lock_key from worker w"
	       " where w.worker_id = k.worker_id and w.gone is null limit 1) w cross join lateral"
	       " (select beat_at from worker_beat where worker_id = k.worker_id limit 1) b"
	       " where " TERM_HELD " and (b.beat_at < now() - w.lease_ms * interval '1 millisecond'"
	       " or ($3 and b.beat_at < now() - " QUIET " and not w.lock_key = any(" LOCKS "))))"
	       " update worker w set gone = 'dead', gone_at = now() from k where w.ctid = k.at"
	       " and w.gone is null returning w.worker_id",
	false};

/* What is held by workers that are gone: just now, or by a claim that crossed their end. */
#define GONE_LEASES                                                                    \
	"worker w cross join lateral (select l.ctid as lease_at, l.* from job_lease l" \
	" where l.worker_id = w.worker_id) l"                                          \
	" where w.gone is not null and w.gone_at > now() - interval '1 day'"
static const struct db_stmt REAP_SCOPE = {.name = "reap_scope",
	.sql = "select set_config('app.tenants', coalesce((select string_agg(distinct"
	       " l.tenant_id::text, ',') from " GONE_LEASES "), ''), true)",
	false};
static const struct db_stmt REAP_LOCK = {.name = "reap_lock",
	.sql = "select count(*) from (select l.tenant_id, l.job_id from " GONE_LEASES
	       " order by l.job_id) l cross join lateral (select 1 from job j"
	       " where j.tenant_id = l.tenant_id and j.job_id = l.job_id for update) held",
	false};

#define USED	GUESS_USED("$2")
#define GUESSES GUESS_SUMS("upd")

/* blamed: its crash note names this very attempt. told: there is a note, so that the others are
 * not to blame. harm: this death counts as the job's own crash. What it used is guessed
 * (guess_sql.h, kinds: $2); what its holder told of the call is asked, asked_key, asked_model. */
static const struct db_stmt REAP_RETURN = {.name = "reap_return",
	.sql = "with " TERM_SQL ","
	       " l as materialized (select l.*, exists (select from worker_crash c"
	       " where c.worker_id = l.worker_id and c.tenant_id = l.tenant_id and"
	       " c.job_id = l.job_id"
	       " and c.fence = l.fence) as blamed,"
	       " exists (select from worker_crash c where c.worker_id = l.worker_id) as told "
	       "from " GONE_LEASES " and " TERM_HELD "),"
	       " held as materialized (select j.*, l.lease_at, l.fence, l.event_from, l.event_to,"
	       " l.started_at as claimed_at, l.number, l.restarted as again, l.worker_id"
	       " as holder, l.told, l.held_by, l.upstream as asked, l.key_label as asked_key,"
	       " l.model as asked_model,"
	       " l.blamed or (l.probation and not l.told) as harm"
	       " from l cross join lateral (select ctid as at, tenant_id, job_id, kind,"
	       " crashes, interruptions from job j"
	       " where j.tenant_id = l.tenant_id and j.job_id = l.job_id and j.fence = l.fence"
	       " and j.state = 'running' limit 1) j order by l.job_id),"
	       " ends as materialized (select h.*, h.harm and h.crashes" POISON " as poison,"
	       " not h.harm and h.interruptions" TIRED " as tired,"
	       " row_number() over (order by h.job_id) as place from held h),"
	       " " USED ","
	       " upd as (update job j set restarted = true, version = version + 1,"
	       " input_tokens = j.input_tokens + h.sent, output_tokens = j.output_tokens + h.wrote,"
	       " estimated = j.estimated or h.sent + h.wrote > 0,"
	       " told_model = case when h.wrote > 0 then coalesce(h.asked_model, j.told_model)"
	       " else j.told_model end,"
	       " state = case when h.poison or h.tired then 'failed'::job_state else 'queued' end,"
	       " error_code = case when h.poison then 'poison' when h.tired then 'interrupted' end,"
	       " dead = h.poison or h.tired,"
	       " finished_at = case when h.poison or h.tired then now() end,"
	       " crashes = j.crashes + h.harm::int, interruptions = j.interruptions +"
	       " (not h.harm)::int,"
	       " deaths = j.deaths + (not h.told and not h.harm)::int,"
	       " attempt = greatest(j.attempt - 1, 0),"
	       " rank = coalesce(j.rank, ready_rank(now(), j.priority))"
	       " from used h where j.ctid = h.at and j.state = 'running'"
	       " returning j.*, h.lease_at, h.event_from, h.event_to, h.claimed_at,"
	       " h.number, h.again,"
	       " h.holder, h.harm, h.sent, h.wrote, h.held_by, h.asked, h.asked_key, h.asked_model),"
	       " gone as (delete from job_lease where ctid = any(array(select lease_at from l))),"
	       " tried as (insert into attempt (retention, tenant_id, job_id, fence,"
	       " worker_id, started_at,"
	       " event_from, event_to, number, restarted, state, outcome, ended_by,"
	       " input_tokens, output_tokens, estimated, guessed, upstream, key_label, held_by, model)"
	       " select retention, tenant_id, job_id, fence, holder, claimed_at,"
	       " event_from, event_to,"
	       " number, again, state, coalesce(error_code, case when harm then 'worker_crashed'"
	       " else 'interrupted' end), 'reaper', sent, wrote, sent + wrote > 0,"
	       " sent + wrote > 0, asked, asked_key, held_by, coalesce(asked_model,"
	       " case when sent + wrote > 0 then model end) from upd)" GUESSES ","
	       " head as (insert into ready_head (tenant_id, queue_id) select distinct"
	       " tenant_id, queue_id"
	       " from upd where state = 'queued' order by 1, 2 on conflict do nothing),"
	       " ready as (insert into job_ready (tenant_id, queue_id, rank, job_id,"
	       " deadline_at, probation, units)"
	       " select tenant_id, queue_id, rank, job_id, deadline_at, " REAP_ON_PROBATION
	       ", units from upd"
	       " where state = 'queued'),"
	       " done as (insert into job_done"
	       " (retention, tenant_id, job_id, fence, event_seq, queue_id, state, error_code)"
	       " select retention, tenant_id, job_id, fence, event_to, queue_id, state,"
	       " error_code from upd"
	       " where state = 'failed'),"
	       " tell as (insert into delivery (tenant_id, delivery_id, job_id,"
	       " queue_id, retention, job_state)"
	       " select tenant_id, id_make(), job_id, queue_id, retention, state from upd"
	       " where state = 'failed' and " WANTED "),"
	       " noted as (insert into audit (tenant_id, actor_kind, actor, action,"
	       " object, reason)"
	       " select tenant_id, 'leader', holder, 'job.return', job_id,"
	       " coalesce(error_code, case when harm then 'worker_crashed' else"
	       " 'interrupted' end) from upd),"
	       " noticed as (update worker_crash c set applied = true where not applied and exists"
	       " (select from worker w where w.worker_id = c.worker_id and w.gone is not null)"
	       " and exists (select from l where l.worker_id = c.worker_id and l.job_id = c.job_id"
	       " and l.fence = c.fence))"
	       " select " TERM_REPLY ", (select count(*) from upd where state = 'queued'),"
	       " (select count(*) from upd where state = 'failed')",
	false};

/* A note that came late: its job was returned as a mere interruption. Only a job whose ready row
 * can be held, or that runs, is changed now; the others at the next call. One that is poison and
 * runs again is taken from its holder, which lives: it is told so, and tells what was used. */
#define POISONED "j.crashes" POISON " and (r.ready_at is not null or r.lease_at is not null)"
static const struct db_stmt REAP_NOTES_LOCK = {.name = "reap_notes_lock",
	.sql = "select count(*) from (select tenant_id, job_id from worker_crash where not applied"
	       " order by job_id limit " NOTES_PAGE ") c cross join lateral (select 1 from job j"
	       " where j.tenant_id = c.tenant_id and j.job_id = c.job_id for update) held",
	false};
static const struct db_stmt REAP_NOTES = {.name = "reap_notes",
	.sql = "with " TERM_SQL ","
	       " c as materialized (select c.ctid as note_at, c.* from worker_crash c"
	       " where not c.applied"
	       " and " TERM_HELD " and exists (select from worker w where w.worker_id = c.worker_id"
	       " and w.gone is not null) order by c.job_id limit " NOTES_PAGE "),"
	       " j as materialized (select c.note_at, j.* from c cross join lateral"
	       " (select j.ctid as at, j.tenant_id, j.job_id, j.queue_id, j.rank,"
	       " j.state, j.crashes, j.worker_id, j.fence"
	       " from job j where j.tenant_id = c.tenant_id and j.job_id = c.job_id limit 1) j),"
	       " r as materialized (select j.*, r.at as ready_at, l.lease_at, l.event_from, l.event_to,"
	       " l.started_at as claimed_at, l.number, l.restarted as again from j left join lateral"
	       " (select ctid as at from job_ready r where j.state = 'queued'"
	       " and r.tenant_id = j.tenant_id and r.queue_id = j.queue_id and r.rank = j.rank"
	       " and r.job_id = j.job_id limit 1 for update skip locked) r on true left join lateral"
	       " (select l.ctid as lease_at, l.* from job_lease l where j.state = 'running'"
	       " and l.worker_id = j.worker_id and l.tenant_id = j.tenant_id and l.job_id = j.job_id"
	       " and l.fence = j.fence limit 1) l on true),"
	       " upd as (update job j set crashes = j.crashes + 1, deaths ="
	       " greatest(j.deaths - 1, 0),"
	       " version = version + 1,"
	       " state = case when " POISONED " then 'failed' else j.state end,"
	       " error_code = case when " POISONED " then 'poison' else j.error_code end,"
	       " dead = " POISONED ", finished_at = case when " POISONED " then now() end,"
	       " event_next = j.event_next + (" POISONED " and r.lease_at is null)::int"
	       " from r where j.ctid = r.at and j.state in ('queued', 'running') and"
	       " (r.ready_at is not null or j.state = 'running') returning j.*,"
	       " r.note_at, r.ready_at, r.lease_at, r.event_from, r.event_to, r.claimed_at, r.number,"
	       " r.again),"
	       " taken as (delete from job_lease where ctid = any(array(select lease_at from upd"
	       " where state = 'failed'))),"
	       " tried as (insert into attempt (retention, tenant_id, job_id, fence,"
	       " worker_id, started_at,"
	       " event_from, event_to, number, restarted, state, outcome, ended_by)"
	       " select retention, tenant_id, job_id, fence, worker_id, claimed_at,"
	       " event_from, event_to,"
	       " number, again, state, 'poison', 'reaper' from upd"
	       " where state = 'failed' and lease_at is not null),"
	       " notice as (insert into worker_notice (worker_id, tenant_id, job_id, fence)"
	       " select worker_id, tenant_id, job_id, fence from upd"
	       " where state = 'failed' and lease_at is not null on conflict do nothing),"
	       " gone as (delete from job_ready where ctid = any(array(select ready_at from upd"
	       " where state = 'failed'))),"
	       " done as (insert into job_done"
	       " (retention, tenant_id, job_id, fence, event_seq, queue_id, state, error_code)"
	       " select retention, tenant_id, job_id, fence, coalesce(event_to, event_next - 1),"
	       " queue_id, state, error_code from upd where state = 'failed'),"
	       " tell as (insert into delivery (tenant_id, delivery_id, job_id,"
	       " queue_id, retention, job_state)"
	       " select tenant_id, id_make(), job_id, queue_id, retention, state from upd"
	       " where state = 'failed' and " WANTED "),"
	       " noted as (insert into audit (tenant_id, actor_kind, action, object, reason)"
	       " select tenant_id, 'leader', 'job.blame', job_id, 'worker_crashed' from upd),"
	       " used as (update worker_crash w set applied = true where w.ctid = any(array("
	       "select note_at from upd union all select note_at from j where state not in"
	       " ('queued', 'running') union all select note_at from c where not exists"
	       " (select from j where j.note_at = c.note_at))))"
	       " select " TERM_REPLY ", (select count(*) from upd where state <> 'failed'),"
	       " (select count(*) from upd where state = 'failed')",
	false};

static void look_ended(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *rows = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = rows != NULL ? db_rows_n(rows) : 0;
	struct reap_worker *workers = store_call_rows(&e, n, sizeof(*workers));

	for (size_t i = 0; workers != NULL && i < n; i++)
		workers[i] = (struct reap_worker){
			.id = db_id(rows, i, 0),
			.silent = db_int(rows, i, 1) != 0,
			.lock = db_int(rows, i, 2) != 0,
			.lapsed = db_int(rows, i, 3) != 0,
			.quiet_ms = db_int(rows, i, 4),
			.lease_ms = db_int(rows, i, 5),
		};
	((reap_look_done *)call->done)(call->ctx, e, workers, workers != NULL ? n : 0);
	free(workers);
	free(call);
}

enum err reap_look(struct db *db, reap_look_done *done, void *ctx)
{
	return store_call_run(&(struct store_call_ask){db, NULL, 0, &REAP_LOOK, NULL, look_ended,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

struct reap {
	reap_done *done;
	void *ctx;
	bool declares; /* the first statement's rows are the workers */
	size_t last;   /* the statement whose row tells */
};

static void reap_ended(void *ctx, enum err e, const struct db_reply *reply)
{
	struct reap *reap = ctx;
	struct reap_report report = {0};

	if (e == ERR_OK) {
		const struct db_rows *rows = db_reply_rows(reply, reap->last);

		report.workers = reap->declares ? db_rows_n(db_reply_rows(reply, 0)) : 0;
		report.returned = (size_t)db_int(rows, 0, 1);
		report.quarantined = (size_t)db_int(rows, 0, 2);
		e = db_int(rows, 0, 0) == 1 ? ERR_OK : ERR_LOST;
	}
	reap->done(reap->ctx, e, &report);
	free(reap);
}

/* The jobs are locked in one statement and changed in the next, which then sees what their holders
 * committed last. */
static void notes_query(struct db *db, int64_t term)
{
	struct db_args args;

	db_query(db, &REAP_NOTES_LOCK, NULL);
	db_args_init(&args);
	db_arg_int8(&args, term);
	db_query(db, &REAP_NOTES, &args);
}

static void return_query(struct db *db, int64_t term)
{
	struct db_args args;

	db_query(db, &REAP_SCOPE, NULL);
	db_query(db, &REAP_LOCK, NULL);
	db_args_init(&args);
	db_arg_int8(&args, term);
	guess_kinds_arg(&args);
	db_query(db, &REAP_RETURN, &args);
}

enum err reap_workers(
	struct db *db, int64_t term, const struct reap_gone *ask, reap_done *done, void *ctx)
{
	struct reap *reap = malloc(sizeof(*reap));
	enum err e = reap == NULL ? ERR_NOMEM : db_begin(db, NULL, 0);
	struct db_args args;

	if (e != ERR_OK) {
		free(reap);
		return e;
	}
	*reap = (struct reap){done, ctx, true, 3};
	db_args_init(&args);
	db_arg_int8(&args, term);
	db_arg_ids(&args, ask->workers, ask->n);
	db_arg_bool(&args, ask->by_lock);
	db_query(db, &REAP_DECLARE, &args);
	return_query(db, term);
	db_commit(db, reap_ended, reap);
	return ERR_OK;
}

enum err reap_notes(struct db *db, int64_t term, reap_done *done, void *ctx)
{
	struct reap *reap = malloc(sizeof(*reap));
	enum err e = reap == NULL ? ERR_NOMEM : db_begin(db, NULL, 0);

	if (e != ERR_OK) {
		free(reap);
		return e;
	}
	*reap = (struct reap){done, ctx, false, 1};
	notes_query(db, term);
	db_commit(db, reap_ended, reap);
	return ERR_OK;
}
