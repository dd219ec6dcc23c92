/* job_columns.h - a job's columns in SQL, and how they become a struct job_row.
 *
 * For core/stores only: job_read and job_list select the same lists from a row j,
 * and end alike.
 *
 * Threads: pure.  Memory: rows point into the reply. */
#ifndef STORES_JOB_COLUMNS_H
#define STORES_JOB_COLUMNS_H

#include "stores/job_read.h"
#include "stores/subject_key.h"

/* That its running attempt calls, or would call, as far as that was told; else the last one's. */
#define JOB_UPSTREAM                                                                             \
	"coalesce((select l.upstream from job_lease l where j.state = 'running'"                 \
	" and l.worker_id = j.worker_id and l.tenant_id = j.tenant_id and l.job_id = j.job_id)," \
	" j.upstream)"

/* In the order in which job_rows_done reads them. */
#define JOB_FACTS                                                                                \
	"j.tenant_id, j.job_id, j.principal, j.kind, j.queue_id,"                                \
	" coalesce((select q.name from queue q where q.queue_id = j.queue_id), ''),"             \
	" j.state::text,"                                                                        \
	" j.priority, j.fence, j.attempt, j.max_attempts, j.crashes, j.interruptions,"           \
	" j.created_at,"                                                                         \
	" j.run_at, j.deadline_at, j.started_at, j.finished_at, j.attempt_timeout_ms,"           \
	" (select d.due_at from job_due d where j.state = 'waiting' and not d.review"            \
	"  and d.tenant_id = j.tenant_id and d.job_id = j.job_id), j.waiting_for, j.error_code," \
	" j.model, " JOB_UPSTREAM                                                                \
	", j.input_tokens, j.output_tokens, j.cost_nano, j.progress_percent,"                    \
	" j.progress_stage, j.progress_tokens, j.accept_ms, j.queue_ms, j.admit_ms,"             \
	" j.first_byte_ms, j.stream_ms, j.finish_ms, j.version, j.event_next, j.store, j.dead,"  \
	" j.callback_events, j.retention, j.fallback_model, j.estimated"

#define JOB_LABELS ", " KEY_OF("i") ", i.subject, i.metadata, i.trace"

/* What may be megabytes comes while all of it is at most $7 bytes; how much it is comes always:
 * that is a look at the row's pointers, nothing is fetched. */
#define JOB_BYTES_ANSWER "coalesce(octet_length(r.body), 0)"
#define JOB_BYTES_INPUT                                              \
	"(" JOB_BYTES_ANSWER " + coalesce(octet_length(i.input), 0)" \
	" + coalesce(octet_length(i.fallback), 0))"
#define JOB_UPTO(bytes, column) ", case when " bytes " <= $7 then " column " end"
#define JOB_ANSWER(bytes)    \
	", " bytes JOB_UPTO( \
		bytes, "r.body") ", a.message, coalesce(a.upstream_status, 0), r.decision_id"
#define JOB_INPUT                            \
	JOB_UPTO(JOB_BYTES_INPUT, "i.input") \
	JOB_UPTO(JOB_BYTES_INPUT, "i.fallback") ", i.callback"

/* $3..$6: the batch's span of classes and ids: other days' partitions are not even opened. */
#define JOB_SPAN(t) " and " t ".retention between $3 and $4 and " t ".job_id between $5 and $6"
#define JOB_KEY(t)                                                      \
	t ".tenant_id = j.tenant_id and " t ".job_id = j.job_id and " t \
	  ".retention = j.retention" JOB_SPAN(t)
#define JOB_WITH_INPUT \
	" left join lateral (select * from job_input i where " JOB_KEY("i") " limit 1) i on true"
/* clang-format off */
#define JOB_WITH_ANSWER                                                                            \
	" left join lateral (select * from job_result r where j.state = 'completed' and "          \
	JOB_KEY("r") " limit 1) r on true"                                                         \
	" left join lateral (select a.message, a.upstream_status from attempt a where "            \
	JOB_KEY("a") " and a.fence = j.fence limit 1) a on true"
/* clang-format on */

/* How much a statement selects: 0 facts, 1 and labels, 2 and the answer, 3 and the input. */
size_t job_level(int what);
/* Ends a call whose done is a job_read_done and whose n the level of its statement: tells the rows
 * of its only statement. A db_done_fn. */
void job_rows_done(void *ctx, enum err e, const struct db_reply *reply);
/* For store_call_tenants, of an array of keys. */
struct id job_key_tenant(const void *keys, size_t i);
/* Adds $n, $n+1: tenants, jobs. */
void job_keys_args(struct db_args *a, const struct job_key *keys, size_t n);
/* Adds four: the least and greatest class and id among keys. */
void job_span_args(struct db_args *a, const struct job_key *keys, size_t n);

#endif
