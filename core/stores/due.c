#include "stores/due.h"

#include "stores/guess_sql.h"
#include "stores/job_key_sql.h"
#include "stores/reap.h"
#include "stores/store_call.h"
#include "stores/submit.h"
#include "stores/term_work.h"

#include <stdlib.h>

#define ITS_JOB JOB_KEYED("h")
#define WANTED	CALLBACK_WANTED(CALLBACK_EXPIRED)

/* Rows are held first, then jobs are changed in the order of their ids. A job that was ended
 * meanwhile is in another state by then and left as it is.
 *
 * As many of a line go (next) as have places that are due; whoever had such a place and stays
 * (stays) takes one that was left (places). They keep their rank: what they waited counts. */
static const struct db_stmt DUE_MOVE = {.name = "due_move",
	.sql = "with " TERM_SQL ","
	       " d as materialized (select ctid as at, line, rank, job_id from job_due"
	       " where due_at <= now() and " TERM_HELD
	       " order by due_at limit $2 for update skip locked),"
	       " next as materialized (select n.* from (select line, count(*) as n from d"
	       " where line is not null group by line) l cross join lateral"
	       " (select w.ctid as at, w.line, w.due_at from job_due w where w.line = l.line"
	       " order by w.line, w.rank, w.job_id limit l.n for update skip locked) n),"
	       " places as (select line, due_at, row_number() over (partition by line"
	       " order by due_at) as nth from next where due_at > now()),"
	       " stays as (select at, line, row_number() over (partition by line"
	       " order by rank, job_id) as nth from d where line is not null"
	       " and at not in (select at from next)),"
	       " put_off as (update job_due j set due_at = p.due_at from stays s join places p"
	       " on p.line = s.line and p.nth = s.nth where j.ctid = s.at),"
	       " gone as (delete from job_due where ctid = any(array(select at from d where line"
	       " is null union all select at from next)) returning tenant_id, job_id, line),"
	       " held as materialized (select * from gone order by job_id),"
	       " upd as (update job j set state = 'queued', waiting_for = null, version"
	       " = version + 1,"
	       " rank = case when h.line is null or rank is null then ready_rank(now(),"
	       " priority) else rank end from held h where " ITS_JOB " and"
	       " j.state = 'waiting'"
	       " returning j.*),"
	       " head as (insert into ready_head (tenant_id, queue_id) select distinct"
	       " tenant_id, queue_id"
	       " from upd order by 1, 2 on conflict do nothing),"
	       " ready as (insert into job_ready (tenant_id, queue_id, rank, job_id,"
	       " deadline_at, probation, units)"
	       " select tenant_id, queue_id, rank, job_id, deadline_at, " REAP_ON_PROBATION
	       ", units from upd)"
	       " select " TERM_REPLY ", (select count(*) from gone)",
	false};

static const struct db_stmt DUE_EXPIRE_WAITING = {.name = "due_expire_waiting",
	.sql = "with " TERM_SQL ","
	       " r as materialized (select ctid as at from job_ready where deadline_at <= now() "
	       "and " TERM_HELD " order by deadline_at limit $2 for update skip locked),"
	       " gone as (delete from job_ready where ctid = any(array(select at from r))"
	       " returning tenant_id, job_id),"
	       " held as materialized (select * from gone order by job_id),"
	       " ended as (update job j set state = 'expired', error_code = 'deadline',"
	       " waiting_for = null,"
	       " finished_at = now(), event_next = event_next + 1, version = version + 1"
	       " from held h where " ITS_JOB " and j.state = 'queued' returning j.*),"
	       " done as (insert into job_done"
	       " (retention, tenant_id, job_id, fence, event_seq, queue_id, state, error_code)"
	       " select retention, tenant_id, job_id, fence, event_next - 1, queue_id,"
	       " state, error_code"
	       " from ended),"
	       " told as (insert into delivery"
	       " (tenant_id, delivery_id, job_id, queue_id, retention, job_state)"
	       " select tenant_id, id_make(), job_id, queue_id, retention, state from ended"
	       " where " WANTED "),"
	       " noted as (insert into audit (tenant_id, actor_kind, action, object, reason)"
	       " select tenant_id, 'leader', 'job.expire', job_id, 'deadline' from ended)"
	       " select " TERM_REPLY ", (select count(*) from gone)",
	false};

/* The holder should have ended these itself; it may be frozen. Jobs are locked first, in a
 * statement of its own, so that the next one sees a holder's last commit. What the attempt used is
 * guessed (kinds: $3), until its holder tells: whom it called stands only beside a guess, as an
 * attempt with an upstream and no guess counts as booked. */
#define USED	GUESS_USED("$3")
#define GUESSES GUESS_SUMS("ended")
#define LATE                                                                       \
	"job_lease where deadline_at < now() - interval '1 second' and " TERM_HELD \
	" order by job_id limit $2"
static const struct db_stmt DUE_LOCK_RUNNING = {.name = "due_lock_running",
	.sql = "with " TERM_SQL ", l as materialized (select tenant_id, job_id from " LATE ")"
	       " select count(*) from l cross join lateral (select 1 from job j"
	       " where j.tenant_id = l.tenant_id and j.job_id = l.job_id for update) held",
	false};
static const struct db_stmt DUE_SCOPE_RUNNING = {.name = "due_scope_running",
	.sql = "with " TERM_SQL " select set_config('app.tenants', coalesce((select string_agg("
	       "distinct l.tenant_id::text, ',') from (select tenant_id from " LATE
	       ") l), ''), true)",
	false};
static const struct db_stmt DUE_EXPIRE_RUNNING = {.name = "due_expire_running",
	.sql = "with " TERM_SQL ", l as materialized (select ctid as lease_at, * from " LATE "),"
	       " held as materialized (select j.at, j.kind, l.* from l cross join lateral"
	       " (select ctid as at, kind from job j where j.tenant_id = l.tenant_id and"
	       " j.job_id = l.job_id"
	       " and j.fence = l.fence and j.state = 'running' limit 1) j order by l.job_id),"
	       " ends as materialized (select h.*, row_number() over (order by h.job_id) as place"
	       " from held h),"
	       " " USED ","
	       " ended as (update job j set state = 'expired', error_code = 'deadline',"
	       " finished_at = now(), version = version + 1,"
	       " input_tokens = j.input_tokens + h.sent, output_tokens = j.output_tokens + h.wrote,"
	       " estimated = j.estimated or h.sent + h.wrote > 0"
	       " from used h where j.ctid = h.at and j.state = 'running'"
	       " returning j.*, h.lease_at, h.event_from, h.event_to, h.started_at as"
	       " claimed_at, h.number, h.sent, h.wrote, h.held_by, h.upstream as asked,"
	       " h.key_label as asked_key, h.model as asked_model,"
	       " h.restarted as again, h.worker_id as holder),"
	       " gone as (delete from job_lease where ctid = any(array(select lease_at"
	       " from ended))),"
	       " tried as (insert into attempt (retention, tenant_id, job_id, fence,"
	       " worker_id, started_at,"
	       " event_from, event_to, number, restarted, state, outcome, ended_by, held_by,"
	       " input_tokens, output_tokens, estimated, guessed, upstream, key_label, model)"
	       " select retention, tenant_id, job_id, fence, holder, claimed_at,"
	       " event_from, event_to, number, again, state, 'deadline', 'deadline', held_by,"
	       " sent, wrote, sent + wrote > 0, sent + wrote > 0,"
	       " case when sent + wrote > 0 then asked end,"
	       " case when sent + wrote > 0 then asked_key end,"
	       " case when sent + wrote > 0 then coalesce(asked_model, model) end"
	       " from ended)" GUESSES ","
	       " done as (insert into job_done"
	       " (retention, tenant_id, job_id, fence, event_seq, queue_id, state, error_code)"
	       " select retention, tenant_id, job_id, fence, event_to, queue_id, state, error_code"
	       " from ended),"
	       " told as (insert into delivery"
	       " (tenant_id, delivery_id, job_id, queue_id, retention, job_state)"
	       " select tenant_id, id_make(), job_id, queue_id, retention, state from ended"
	       " where " WANTED "),"
	       " notice as (insert into worker_notice (worker_id, tenant_id, job_id, fence)"
	       " select holder, tenant_id, job_id, fence from ended on conflict do nothing),"
	       " noted as (insert into audit (tenant_id, actor_kind, action, object, reason)"
	       " select tenant_id, 'leader', 'job.expire', job_id, 'deadline' from ended)"
	       " select " TERM_REPLY ", (select count(*) from ended)",
	false};

enum err due_move(struct db *db, int64_t term, size_t limit, term_work_done *done, void *ctx)
{
	return term_work_run(db, &DUE_MOVE, term, limit, done, ctx);
}

enum err due_expire_waiting(
	struct db *db, int64_t term, size_t limit, term_work_done *done, void *ctx)
{
	return term_work_run(db, &DUE_EXPIRE_WAITING, term, limit, done, ctx);
}

enum err due_expire_running(
	struct db *db, int64_t term, size_t limit, term_work_done *done, void *ctx)
{
	const struct db_stmt *const steps[] = {
		&DUE_LOCK_RUNNING, &DUE_SCOPE_RUNNING, &DUE_EXPIRE_RUNNING};
	const size_t n = sizeof(steps) / sizeof(steps[0]);
	enum err e = db_begin(db, NULL, 0);

	if (e != ERR_OK)
		return e;
	for (size_t i = 0; i < n; i++) {
		struct db_args args;

		db_args_init(&args);
		db_arg_int8(&args, term);
		db_arg_int8(&args, (int64_t)limit);
		if (steps[i] == &DUE_EXPIRE_RUNNING)
			guess_kinds_arg(&args);
		db_query(db, steps[i], &args);
	}
	return term_work_commit(db, n, done, ctx);
}
