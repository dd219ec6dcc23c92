/* lease_sql.h - what both ways of claiming have in common.
 *
 * For core/stores only. */
#ifndef STORES_LEASE_SQL_H
#define STORES_LEASE_SQL_H

#include "stores/event.h"
#include "stores/job_key_sql.h"
#include "stores/lease.h"
#include "stores/store_call.h"

/* May the worker take a job on probation: does it run none? Its index has hardly a row
 * (0022_find_probation.sql); a walk through all that a worker holds costs every claim. */
#define LEASE_TRIES "not exists (select from job_lease l where l.worker_id = $1 and l.probation)"

/* $1 is the worker throughout. A capped queue's room: what was granted less what is held.
 * The grants stay as read until the claim has committed: what the leader takes back and gives to
 * another is nothing that this claim still fills. Claims of queues without a cap read none. */
#define LEASE_SETTING                                                                         \
	" setting as materialized (select"                                                    \
	"  coalesce((select fence_base from record_epoch order by fence_base desc limit"      \
	" 1), 0) as fence_base,"                                                              \
	"  array(select queue_id from queue where concurrency > 0) as capped,"                \
	"  " LEASE_TRIES " as tries,"                                                         \
	"  exists (select from worker w where w.worker_id = $1 and w.gone is null) as alive," \
	"  array(select role from limit_plan where level in ('tokens:role', 'tokens:user'))"  \
	"  as limited),"                                                                      \
	" granted as materialized (select queue_id, slots from worker_grant"                  \
	"  where worker_id = $1 order by queue_id for share),"                                \
	" room as materialized (select g.queue_id, g.slots - coalesce(h.n, 0) as free"        \
	"  from granted g left join (select l.queue_id, count(*) as n from job_lease l"       \
	"   where l.worker_id = $1 group by l.queue_id) h using (queue_id))"

#define LEASE_BLOCK SQL_NUMBER(EVENT_BLOCK)

/* From spot (ready row's address, probation, ord) to leases. */
#define LEASE_TAKE                                                                                                       \
	", taken as (delete from job_ready r using spot s where r.ctid = s.ready_at"                                     \
	"  and (not s.probation or s.ord = (select min(ord) from spot where probation))"                                 \
	"  returning r.tenant_id, r.job_id, r.probation, r.ready_at as since)"                                           \
	", claimed as (update job j set state = 'running', worker_id = $1,"                                              \
	"  fence = greatest(j.fence, c.fence_base) + 1, attempt = j.attempt + 1,"                                        \
	"  started_at = coalesce(j.started_at, now()), event_next = j.event_next + " LEASE_BLOCK                         \
	","                                                                                                              \
	"  version = j.version + 1, waiting_for = null,"                                                                 \
	"  queue_ms = greatest(0, date_part('epoch', now() - t.since) * 1000)::int4"                                     \
	"  from (select * from taken order by job_id) t"                                                                 \
	"  cross join setting c where " JOB_KEYED(                                                                       \
		"t") " and j.state = 'queued'"                                                                           \
		     "  returning j.tenant_id, j.job_id, j.principal, j.fence, j.queue_id, j.event_next, j.deadline_at," \
		     "  j.attempt, j.restarted, t.probation, j.kind, j.model, j.priority, j.max_attempts,"               \
		     "  j.crashes, j.interruptions, j.attempt_timeout_ms, j.created_at, j.queue_ms, j.store,"            \
		     "  j.retention, j.told_model)"                                                                      \
		     ", leased as (insert into job_lease (worker_id, tenant_id, job_id, fence,"                          \
		     " event_from, event_to, deadline_at, queue_id, number, restarted, probation)"                       \
		     " select $1, tenant_id, job_id, fence, event_next - " LEASE_BLOCK                                   \
		     ", event_next - 1,"                                                                                 \
		     " deadline_at, queue_id, attempt, restarted, probation from claimed)"                               \
		     ", audits as (insert into audit (tenant_id, actor_kind, actor, action, count)"                      \
		     " select '00000000-0000-0000-0000-000000000000', 'worker', $1, 'job.claim', count(*)"               \
		     "  from claimed having count(*) > 0)"                                                               \
		     ", principals as materialized (select tenant_id, principal,"                                        \
		     "  principal_shut_out(tenant_id, principal) as until, case when cardinality(limited) > 0"           \
		     "   then principal_holds(tenant_id, principal, limited) end as holds from"                          \
		     "  (select distinct tenant_id, principal from claimed where principal is not null) d"               \
		     " cross join setting)"

/* A row per claim, by the job's age, read by lease_claim_take. Each principal is one of a claim's,
 * so the join need not be full; but a full one is made by hash or merge even in a session that has
 * neither, and compares no job with the principals of all others. */
#define LEASE_REPLY                                                                                                   \
	" (select c.tenant_id, c.job_id, fence, queue_id, kind, model, priority, attempt,"                            \
	" max_attempts, crashes, interruptions, attempt_timeout_ms,"                                                  \
	"  (date_part('epoch', deadline_at - now()) * 1000)::int8, created_at, now(), queue_ms,"                      \
	"  event_next - " LEASE_BLOCK ", event_next - 1, restarted, probation, store, retention,"                     \
	" coalesce(created_at <= until, false), c.principal, holds, told_model from claimed c full join principals p" \
	" on p.tenant_id = c.tenant_id and p.principal = c.principal order by c.job_id)"

void lease_claim_take(struct claim *c, const struct db_rows *r, size_t i);

#endif
