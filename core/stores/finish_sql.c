#include "stores/finish_sql.h"

#include "stores/finish.h"
#include "stores/job_key_sql.h"
#include "stores/reap.h"
#include "stores/store_call.h"
#include "stores/submit.h"
#include "stores/usage_sql.h"

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

/* enum finish_as, as the statement has it. */
#define AS_COMPLETED   "0"
#define AS_FAILED      "1"
#define AS_RETRY       "2"
#define AS_PARKED      "3"
#define AS_INTERRUPTED "4"
#define AS_EXPIRED     "5"
_Static_assert(FINISH_COMPLETED == 0 && FINISH_FAILED == 1 && FINISH_RETRY == 2 &&
		       FINISH_PARKED == 3 && FINISH_INTERRUPTED == 4 && FINISH_EXPIRED == 5,
	"as the texts say");

#define ITS_JOB JOB_KEYED("k")
/* Its readers saw text of an attempt that another one follows: that begins the answer anew. */
#define TOLD	 "(k.state in ('waiting', 'queued') and k.event_end > k.event_from + 1) is true"
#define TERMINAL "state in ('completed', 'failed', 'expired')"
/* Its callback asked for the end that it came to. */
#define BIT(event) SQL_NUMBER(CALLBACK_##event)
#define WANTED                                                               \
	"callback_events & (case state when 'completed' then " BIT(          \
		COMPLETED) " when 'failed'"                                  \
			   " then " BIT(FAILED) " when 'expired' then " BIT( \
				   EXPIRED) " else 0 end) <> 0"

/* state and callback_events stand first in held: most of what follows looks at nothing else.
 * One look at each element (held) decides what becomes of its job; all else follows from the rows
 * that the update of job returned. */
const struct db_stmt finish_stmt = {.name = "finish",
	.sql = "with held as materialized (select case k.as_kind when " AS_COMPLETED
	       " then 'completed'"
	       "   when " AS_FAILED " then 'failed' when " AS_EXPIRED " then 'expired'"
	       "   when " AS_RETRY " then case when j.attempt >= j.max_attempts"
	       "     or j.deadline_at <= now() + make_interval(secs => k.delay_ms / 1000.0)"
	       "     then 'failed' else 'waiting' end"
	       "   when " AS_PARKED " then 'waiting'"
	       "   else case when j.interruptions >= $22 then 'failed' else 'queued' end"
	       "  end::job_state as state, j.callback_events, k.*, j.retention, j.queue_id,"
	       "  j.priority, j.units, j.deadline_at, l.worker_id as holder, l.started_at, l.number, l.restarted,"
	       "  l.event_from,"
	       "  least(greatest(k.event_last, l.event_from + 1), l.event_to) as event_end,"
	       "  case when k.as_kind in (" AS_RETRY ", " AS_PARKED ") then least(j.deadline_at,"
	       "   now() + make_interval(secs => k.delay_ms / 1000.0)) end as due_at,"
	       "  case when k.as_kind = " AS_INTERRUPTED
	       " then j.interruptions + 1 else j.interruptions end"
	       "   as interruptions,"
	       "  case when k.as_kind in (" AS_PARKED ", " AS_INTERRUPTED
	       ") then greatest(j.attempt - 1, 0) else j.attempt end"
	       "   as attempt_left,"
	       "  case when k.as_kind = " AS_INTERRUPTED
	       " then ready_rank(now(), j.priority) else j.rank end as rank,"
	       "  j." REAP_ON_PROBATION " as probation"
	       " from unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19,"
	       "  $20, $21, $23, $24, $25, $26, $27, $28, $29, $30) with ordinality k(tenant_id, job_id, fence, as_kind,"
	       "  error_code, delay_ms, waiting_for, event_last, upstream, model, upstream_status,"
	       "  input_tokens, output_tokens, cost_nano, admit_ms, first_byte_ms, stream_ms, finish_ms, body,"
	       "  decision_id, message, key_label, called_model, fallback, estimated, line, retry_after_ms, held_by, ord)"
	       " cross join lateral (select j.* from job j where j.tenant_id = k.tenant_id"
	       "  and j.job_id = k.job_id and " JOB_GUARD " limit 1) j" LEASE_JOIN
	       " (select l.* from job_lease l where l.tenant_id = k.tenant_id"
	       "  and l.job_id = k.job_id and " LEASE_GUARD " limit 1) l" LEASE_ON
	       "), ended as (update job j set state = k.state, version = j.version + 1,"
	       "  event_next = coalesce(k.event_end + 1, j.event_next), attempt = k.attempt_left,"
	       "  interruptions = k.interruptions, restarted = " TOLD ","
	       "  told_model = case when " TOLD " then k.model else j.told_model end,"
	       "  finished_at = case when k." TERMINAL " then now() end,"
	       "  waiting_for = case when k.state = 'waiting' then k.waiting_for end,"
	       "  error_code = case when k.state = 'completed' then null else k.error_code end,"
	       "  dead = k.state = 'failed', rank = case when k.state = 'queued' then k.rank else j.rank end,"
	       "  upstream = coalesce(k.upstream, j.upstream), estimated = j.estimated or k.estimated,"
	       "  fallback_model = case when k.state = 'completed' and k.fallback then k.model end,"
	       "  input_tokens = j.input_tokens + k.input_tokens, output_tokens = j.output_tokens + k.output_tokens,"
	       "  cost_nano = j.cost_nano + k.cost_nano, admit_ms = k.admit_ms, first_byte_ms = k.first_byte_ms,"
	       "  stream_ms = k.stream_ms, finish_ms = k.finish_ms"
	       " from held k where " ITS_JOB " and " JOB_GUARD " returning k.*)"
	       ", released as (delete from job_lease l using ended k where l.worker_id = any(array[k.holder])"
	       "  and l.tenant_id = k.tenant_id and l.job_id = k.job_id and l.fence = k.fence)"
	       ", results as (insert into job_result (retention, tenant_id, job_id, fence, decision_id,"
	       "  upstream_status, body)"
	       " select retention, tenant_id, job_id, fence, decision_id, upstream_status, body from ended"
	       "  where state = 'completed'" IF_TWICE ")"
	       ", attempts as (insert into attempt (retention, tenant_id, job_id, fence, worker_id, started_at,"
	       "  event_from, event_to, number, restarted, state, outcome, waiting_for, ended_by, upstream, model,"
	       "  upstream_status, input_tokens, output_tokens, cost_nano, admit_ms, first_byte_ms, stream_ms,"
	       "  finish_ms, message, key_label, called_model, fallback, estimated, retry_after_ms, held_by)"
	       " select retention, tenant_id, job_id, fence, $1, coalesce(started_at, now()),"
	       "  coalesce(event_from, 0), coalesce(event_end, 0), coalesce(number, 0),"
	       "  coalesce(restarted, false), state, error_code, waiting_for, 'holder', upstream, model,"
	       "  upstream_status, input_tokens, output_tokens, cost_nano, admit_ms, first_byte_ms, stream_ms,"
	       "  finish_ms, message, key_label, called_model, fallback, estimated, retry_after_ms, held_by from ended" IF_TWICE
	       ")" USAGES("(select * from ended where as_kind <> " AS_PARKED ") called",
		       "$31") ", dones as (insert into job_done (retention, tenant_id, job_id, fence, event_seq, queue_id, state,"
			      "  error_code) select retention, tenant_id, job_id, fence, coalesce(event_end, 0), queue_id, state,"
			      "  error_code from ended where " TERMINAL IF_TWICE ")"
			      ", dues as (insert into job_due (tenant_id, job_id, queue_id, due_at, deadline_at, line, rank)"
			      " select tenant_id, job_id, queue_id, due_at, deadline_at,"
			      "  case when as_kind = " AS_PARKED
			      " then line end, rank from ended where state = 'waiting'" IF_TWICE ")"
			      ", readies as (insert into job_ready (tenant_id, queue_id, rank, job_id, deadline_at, probation, units)"
			      " select tenant_id, queue_id, rank, job_id, deadline_at, probation, units from ended where state = 'queued'" IF_TWICE
			      ")"
			      ", heads as (insert into ready_head (tenant_id, queue_id)"
			      " select distinct tenant_id, queue_id from ended where state = 'queued' order by 1, 2 on conflict do nothing)"
			      ", outbox as (insert into delivery (tenant_id, delivery_id, job_id, queue_id, retention, job_state)"
			      " select tenant_id, id_make(), job_id, queue_id, retention, state from ended where"
			      " " WANTED ")"
			      ", audits as (insert into audit (tenant_id, actor_kind, actor, action, object, reason)"
			      " select tenant_id, 'worker', $1, 'job.' || state, job_id, nullif(error_code, 'ok') from ended)"
			      " select ord, state::text, due_at from ended"};

/* Deltas first, in a statement of their own: only what the lease still covers. */
const struct db_stmt finish_runs_stmt = {.name = "finish_runs",
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
const struct db_stmt finish_settle_stmt = {.name = "finish_settle",
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

/* What a former holder's attempt used: on its row, its job and its day, once. Until then the row
 * names no upstream, or has what the leader guessed (reap.c), which is taken back. */
const struct db_stmt finish_usage_stmt = {.name = "finish_usage",
	.sql = "with booked as (update attempt a set input_tokens = k.input_tokens,"
	       "  output_tokens = k.output_tokens, cost_nano = k.cost_nano,"
	       "  upstream = coalesce(k.upstream, a.upstream), model = coalesce(k.model, a.model),"
	       "  key_label = k.key_label, called_model = k.called_model, fallback = k.fallback,"
	       "  estimated = k.estimated, guessed = false"
	       " from (select k.*, o.* from unnest($2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)"
	       "  with ordinality k(tenant_id, job_id, fence, retention, input_tokens, output_tokens,"
	       "  cost_nano, upstream, model, key_label, called_model, fallback, estimated, ord)"
	       "  cross join lateral (select o.input_tokens as guessed_input,"
	       "   o.output_tokens as guessed_output, coalesce(o.model, '') as guessed_model,"
	       "   coalesce(o.upstream, '') as guessed_upstream,"
	       "   (o.ended_at at time zone 'utc')::date as guessed_day from attempt o"
	       "   where o.tenant_id = k.tenant_id and o.job_id = k.job_id and o.fence = k.fence"
	       "   and o.retention = k.retention and (o.upstream is null or o.guessed) limit 1) o) k"
	       " where a.tenant_id = k.tenant_id and a.job_id = k.job_id and a.fence = k.fence"
	       "  and a.retention = k.retention and a.worker_id = $1 and a.ended_by <> 'holder'"
	       "  and (a.upstream is null or a.guessed) returning k.*, a.state::text as became)"
	       ", summed as (update job j set"
	       "  input_tokens = j.input_tokens + k.input_tokens - k.guessed_input,"
	       "  output_tokens = j.output_tokens + k.output_tokens - k.guessed_output,"
	       "  cost_nano = j.cost_nano + k.cost_nano,"
	       "  estimated = j.estimated or k.estimated, version = j.version + 1"
	       " from (select * from booked order by job_id) k"
	       " where j.tenant_id = k.tenant_id and j.job_id = k.job_id returning k.*, j.queue_id)" USAGES(
		       "summed",
		       "$15") ", taken_back as (" USAGE_ROWS
			      " select tenant_id, guessed_day, queue_id, guessed_upstream, guessed_model, $15::int4,"
			      "  -count(*), -count(*), -sum(guessed_input)::int8, -sum(guessed_output)::int8, 0"
			      " from summed where guessed_input + guessed_output > 0"
			      " group by 1, 2, 3, 4, 5 order by 1, 2, 3, 4, 5" USAGE_ADDED ")"
			      " select ord, became, null::timestamptz from booked"};
