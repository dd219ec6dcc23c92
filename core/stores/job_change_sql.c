#include "stores/job_change_sql.h"

#include "stores/audit.h"
#include "stores/reap.h"
#include "stores/room_sql.h"
#include "stores/store_call.h"
#include "stores/submit.h"

/* The asked-for jobs by address, with what the change needs to know of them. */
#define KEYS "unnest($1::uuid[], $2::uuid[]) k(tenant_id, job_id)"
#define JOBS                                                            \
	KEYS " cross join lateral (select j.ctid as at, j.* from job j" \
	     " where j.tenant_id = k.tenant_id and j.job_id = k.job_id limit 1) j"
#define AUDIT(action, from)                                                      \
	" noted as (insert into audit (tenant_id, " AUDIT_BY ", action, object)" \
	" select tenant_id, $3, $4, $5, $6, $7, '" action "', job_id from " from ")"
#define WANTED	CALLBACK_WANTED(CALLBACK_CANCELLED)
#define TOUCHED " select tenant_id, job_id, state::text, version, holder, fence, queue_id, 0 from "
/* What there was no room for: with the queue that has none, and why (job_change.c's left_why). */
#define LEFT(queue)                                                                      \
	" union all select tenant_id, job_id, state::text, version, null, fence, " queue \
	", why from "
#define HEADS                                                                               \
	" head as (insert into ready_head (tenant_id, queue_id) select distinct tenant_id," \
	" queue_id from upd where state = 'queued' order by 1, 2 on conflict do nothing)"

const struct db_stmt JOB_LOCK = {.name = "job_lock",
	.sql = "select j.* from " KEYS " cross join lateral"
	       " (select j.tenant_id, j.job_id, j.state::text, j.version from job j"
	       " where j.tenant_id = k.tenant_id and j.job_id = k.job_id for update) j",
	false};

/* A running job's block is closed by its last number, which was reserved; any other takes one. */
const struct db_stmt JOB_CANCEL = {.name = "job_cancel",
	.sql = "with k as materialized (select j.at, j.tenant_id, j.job_id, j.state as was, j.queue_id,"
	       " j.rank, j.worker_id, l.lease_at, l.event_from, l.event_to, l.started_at as claimed_at,"
	       " l.number, l.restarted as again, l.held_by from " JOBS " left join lateral"
	       " (select l.ctid as lease_at, l.* from job_lease l where j.state = 'running'"
	       " and l.worker_id = j.worker_id and l.tenant_id = j.tenant_id and l.job_id = j.job_id"
	       " and l.fence = j.fence limit 1) l on true"
	       " where j.state in ('queued', 'waiting', 'running') order by j.job_id),"
	       " upd as (update job j set state = 'cancelled', waiting_for = null, finished_at = now(),"
	       " version = version + 1, event_next = j.event_next + (k.was <> 'running')::int"
	       " from k where j.ctid = k.at and j.state = k.was"
	       " returning j.*, k.was, k.lease_at, k.event_from, k.event_to, k.claimed_at, k.number, k.again, k.held_by,"
	       " case when k.was = 'running' then k.worker_id end as holder,"
	       " case when k.was = 'running' then k.event_to else j.event_next - 1 end as ended_seq),"
	       " gone as (delete from job_lease where ctid = any(array(select lease_at from upd))),"
	       " ready as (delete from job_ready where ctid = any(array(select r.at from k cross join lateral"
	       " (select ctid as at from job_ready r where k.was = 'queued' and r.tenant_id = k.tenant_id"
	       " and r.queue_id = k.queue_id and r.rank = k.rank and r.job_id = k.job_id"
	       " limit 1 for update skip locked) r))),"
	       " due as (delete from job_due where ctid = any(array(select d.at from k cross join lateral"
	       " (select ctid as at from job_due d where k.was = 'waiting' and d.tenant_id = k.tenant_id"
	       " and d.job_id = k.job_id limit 1 for update skip locked) d))),"
	       " tried as (insert into attempt (retention, tenant_id, job_id, fence, worker_id, started_at,"
	       " event_from, event_to, number, restarted, state, outcome, ended_by, held_by)"
	       " select retention, tenant_id, job_id, fence, holder, claimed_at, event_from, event_to,"
	       " number, again, state, 'cancelled', 'cancel', held_by from upd where was = 'running'),"
	       " done as (insert into job_done"
	       " (retention, tenant_id, job_id, fence, event_seq, queue_id, state, error_code)"
	       " select retention, tenant_id, job_id, fence, ended_seq, queue_id, state, error_code from upd),"
	       " tell as (insert into delivery (tenant_id, delivery_id, job_id, queue_id, retention, job_state)"
	       " select tenant_id, id_make(), job_id, queue_id, retention, state from upd"
	       " where " WANTED "),"
	       " notice as (insert into worker_notice (worker_id, tenant_id, job_id, fence)"
	       " select holder, tenant_id, job_id, fence from upd where was = 'running'"
	       " on conflict do nothing)," AUDIT("job.cancel", "upd") TOUCHED "upd",
	false};

/* Its content must still be there to run again; one whose run_at lies ahead waits for that. As many
 * as have room in their queue, and of those as many as their tenant has room for, the first by id.
 */
const struct db_stmt JOB_RETRY = {.name = "job_retry",
	.sql = "with asked as materialized (select j.at, j.event_next as asked_seq, j.tenant_id, j.job_id,"
	       " j.queue_id, j.state, j.version, j.fence, row_number() over"
	       " (partition by j.queue_id order by j.job_id) as queue_nth from " JOBS
	       " where j.state in ('failed', 'cancelled', 'expired') and exists"
	       " (select from job_input i where i.tenant_id = j.tenant_id and i.job_id = j.job_id"
	       " and i.retention = j.retention and i.input is not null)),"
	       " queues as materialized (select q.queue_id, q.draining," ROOM_OF_QUEUE " as room"
	       " from" ROOM_QUEUES " where q.queue_id in (select queue_id from asked)),"
	       " tenants as materialized (select l.tenant_id," ROOM_OF_TENANT " as room"
	       " from tenant_limit l where l.tenant_id = any($1)),"
	       " fits as materialized (select a.*, q.draining, a.queue_nth <= coalesce(q.room, 0) as fits"
	       " from asked a left join queues q using (queue_id)),"
	       " judged as materialized (select f.*, case when draining then 2 when not fits then 1"
	       " when row_number() over (partition by tenant_id, fits order by job_id)"
	       " > coalesce((select room from tenants t where t.tenant_id = f.tenant_id), " ROOM_ENDLESS
	       ") then 3 else 0 end as why from fits f),"
	       " k as materialized (select at, asked_seq from judged where why = 0 order by job_id),"
	       " upd as (update job j set state = case when run_at > now() then 'waiting'::job_state"
	       " else 'queued' end, waiting_for = case when run_at > now() then 'run_at' end,"
	       " attempt = 0, crashes = 0, deaths = 0,"
	       " interruptions = 0, dead = false, error_code = null, finished_at = null,"
	       " deadline_at = case when deadline_s > 0 then greatest(now(), run_at)"
	       " + deadline_s * interval '1 second' end,"
	       " rank = ready_rank(now(), priority), event_next = event_next + 1, version = version + 1,"
	       " started_at = null, upstream = null, restarted = false, told_model = null from k where j.ctid = k.at and j.state in ('failed', 'cancelled', "
	       "'expired')"
	       " returning j.*, k.asked_seq, null::uuid as holder)," HEADS ","
	       " ready as (insert into job_ready (tenant_id, queue_id, rank, job_id, deadline_at, units)"
	       " select tenant_id, queue_id, rank, job_id, deadline_at, units from upd"
	       " where state = 'queued'),"
	       " due as (insert into job_due (tenant_id, job_id, queue_id, due_at, deadline_at, rank)"
	       " select tenant_id, job_id, queue_id, run_at, deadline_at, rank from upd"
	       " where state = 'waiting'),"
	       " event as (insert into job_event (retention, tenant_id, job_id, seq_from, count, fence, kind)"
	       " select retention, tenant_id, job_id, asked_seq, 1, fence, 'job.queued' from upd)," AUDIT(
		       "job.retry", "upd") "," ROOM_TAKEN("upd") TOUCHED
	"upd" LEFT("queue_id") "judged where why > 0",
	false};

#define DELETE_FROM(name)                                                                \
	" d_" name " as (delete from " name " x using k where x.tenant_id = k.tenant_id" \
	" and x.job_id = k.job_id and x.retention = k.retention),"
/* clang-format off */
const struct db_stmt JOB_DELETE = {.name = "job_delete",
	.sql = "with k as materialized (select j.* from " JOBS
	" where j.state in ('completed', 'failed', 'cancelled', 'expired') order by j.job_id),"
	" upd as (delete from job where ctid = any(array(select at from k))"
	" returning *, null::uuid as holder),"
	DELETE_FROM("job_input") DELETE_FROM("job_match") DELETE_FROM("job_result")
	DELETE_FROM("job_event") DELETE_FROM("attempt") DELETE_FROM("job_done")
	" logged as (delete from delivery_attempt a where (a.tenant_id, a.delivery_id) in"
	" (select d.tenant_id, d.delivery_id from delivery d join k using (tenant_id, job_id))),"
	" told as (delete from delivery d using k"
	" where d.tenant_id = k.tenant_id and d.job_id = k.job_id),"
	AUDIT("job.delete", "upd") TOUCHED "upd",
	false};
/* clang-format on */

/* Whoever holds the ready or due row decides: who cannot have it finds the job changing hands. A
 * row may keep its key: so the new one waits for the old one's end (count(*) from ..._gone). */
const struct db_stmt JOB_PATCH = {.name = "job_patch",
	.sql = "with asked as materialized (select j.at, j.tenant_id, j.job_id, j.state, j.version, j.fence,"
	       " coalesce((select case when q.draining then 2 when" ROOM_OF_QUEUE
	       " = 0 then 1 else 0 end"
	       " from" ROOM_QUEUES
	       " where $9 > 0 and j.queue_id <> $9 and q.queue_id = $9), 0) as why"
	       " from " JOBS " where j.state in ('queued', 'waiting')"
	       " and j.waiting_for is distinct from 'review'),"
	       " k as materialized (select j.at, j.state as was, j.waiting_for as why, r.ready_at, d.due_row, d.line,"
	       " coalesce(case when $10 then greatest($11::timestamptz, now()) end, d.due_at, now()) as due_at,"
	       " case when $10 then coalesce($11::timestamptz > now(), false) else j.state = 'waiting' end as later"
	       " from " JOBS " left join lateral"
	       " (select ctid as ready_at from job_ready r where j.state = 'queued'"
	       " and r.tenant_id = j.tenant_id and r.queue_id = j.queue_id and r.rank = j.rank"
	       " and r.job_id = j.job_id limit 1 for update skip locked) r on true left join lateral"
	       " (select ctid as due_row, due_at, line from job_due d where j.state = 'waiting'"
	       " and d.tenant_id = j.tenant_id and d.job_id = j.job_id limit 1 for update skip locked) d on true"
	       " where (r.ready_at is not null or d.due_row is not null)"
	       " and j.at in (select at from asked where why = 0)),"
	       " ready_gone as (delete from job_ready where ctid = any(array(select ready_at from k)) returning 1),"
	       " due_gone as (delete from job_due where ctid = any(array(select due_row from k)) returning 1),"
	       " upd as (update job j set version = version + 1,"
	       " priority = case when $8 >= 0 then $8::smallint else priority end,"
	       " queue_id = case when $9 > 0 then $9 else queue_id end,"
	       " run_at = case when $10 then $11 else run_at end,"
	       " deadline_at = case when $10 and deadline_s > 0 then greatest(created_at, $11)"
	       " + deadline_s * interval '1 second' else deadline_at end,"
	       " state = case when k.later then 'waiting'::job_state else 'queued' end,"
	       " waiting_for = case when k.later then case when $10 then 'run_at' else k.why end end,"
	       " rank = ready_rank(case when k.was = 'queued' or k.line is not null then created_at else now() end,"
	       " case when $8 >= 0 then $8::smallint else priority end)"
	       " from k where j.ctid = k.at and j.state = k.was"
	       " returning j.*, k.due_at, case when $10 then null else k.line end as line, null::uuid as holder)," HEADS
	       ","
	       " ready as (insert into job_ready (tenant_id, queue_id, rank, job_id, deadline_at, probation, units)"
	       " select tenant_id, queue_id, rank, job_id, deadline_at, " REAP_ON_PROBATION
	       ", units from upd"
	       " where state = 'queued' and (select count(*) from ready_gone) >= 0),"
	       " due as (insert into job_due (tenant_id, job_id, queue_id, due_at, deadline_at, line, rank)"
	       " select tenant_id, job_id, queue_id, due_at, deadline_at, line, rank from upd"
	       " where state = 'waiting' and (select count(*) from due_gone) >= 0)," AUDIT(
		       "job.patch", "upd") TOUCHED "upd" LEFT("$9") "asked where why > 0",
	false};

/* ---- store = false: the content goes, ids and numbers stay ---- */

#define OVER                                                    \
	"(select j.tenant_id, j.job_id, j.retention from " JOBS \
	" where not j.store and j.state in ('completed', 'failed', 'cancelled', 'expired')) k"
#define OF_K " x.tenant_id = k.tenant_id and x.job_id = k.job_id and x.retention = k.retention"
const struct db_stmt JOB_FORGET_INPUT = {.name = "job_forget_input",
	.sql = "update job_input x set input = null, fallback = null from " OVER " where" OF_K,
	false};
const struct db_stmt JOB_FORGET_RESULT = {.name = "job_forget_result",
	.sql = "update job_result x set body = null from " OVER " where" OF_K,
	false};
const struct db_stmt JOB_FORGET_EVENTS = {.name = "job_forget_events",
	.sql = "delete from job_event x using " OVER " where" OF_K,
	false};
const struct db_stmt JOB_FORGET_AUDIT = {.name = "job_forget_audit",
	.sql = "insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       " select tenant_id, $3, $4, $5, $6, $7, 'job.forget', job_id from " OVER,
	false};
