/* metric_rows_scheduler.h - what only a scheduler tells. The shape of a row is in metric_rows.h.
 *
 * Threads: constants. */
#ifndef DOMAIN_METRIC_ROWS_SCHEDULER_H
#define DOMAIN_METRIC_ROWS_SCHEDULER_H

/* clang-format off */
#define METRIC_SCHEDULER(X)                                                                        \
	/* the leader */                                                                           \
	X(LEADER, "longhaul_leader", GAUGE, NONE, "", "scheduler",                                 \
	  "1 while this scheduler leads; the sum over all is 1")                                   \
	X(TERM, "longhaul_leader_term", GAUGE, NONE, "", "scheduler",                              \
	  "number of the term it leads in; left out while it follows")                             \
	X(DUTY_SECONDS, "longhaul_duty_seconds", HISTOGRAM, FAST, "duty", "scheduler",             \
	  "how long one run of a duty took")                                                       \
	X(DUTY_FAILED, "longhaul_duty_failed_total", COUNTER, NONE, "duty", "scheduler",           \
	  "runs that ended with an error")                                                         \
	X(DISPATCHED, "longhaul_dispatched_jobs_total", COUNTER, NONE, "queue", "scheduler",       \
	  "jobs that the leader sent on their way; producers publish more by themselves")          \
	X(LAG, "longhaul_queue_dispatched", GAUGE, NONE, "queue", "scheduler",                     \
	  "jobs sent and not yet claimed: the lag of the workers behind Kafka")                    \
	X(UNSENT, "longhaul_unsent_jobs_total", COUNTER, NONE, "", "scheduler",                    \
	  "jobs whose message Kafka did not take; they go again")                                  \
	X(LOST, "longhaul_lost_message_jobs_total", COUNTER, NONE, "", "scheduler",                \
	  "jobs whose message was taken and led to no claim; they go again")                       \
	X(DUE, "longhaul_due_jobs_total", COUNTER, NONE, "", "scheduler", "jobs whose time came")  \
	X(EXPIRED, "longhaul_expired_jobs_total", COUNTER, NONE, "", "scheduler",                  \
	  "jobs that the leader ended because their deadline passed")                              \
	X(REAPED, "longhaul_reaped_workers_total", COUNTER, NONE, "", "scheduler",                 \
	  "workers declared dead")                                                                 \
	X(RETURNED, "longhaul_returned_jobs_total", COUNTER, NONE, "", "scheduler",                \
	  "jobs taken back from them")                                                             \
	X(QUARANTINED, "longhaul_quarantined_jobs_total", COUNTER, NONE, "", "scheduler",          \
	  "jobs that killed workers again and again")                                              \
	X(AUDIT_ROWS, "longhaul_audit_rows", GAUGE, NONE, "", "scheduler",                         \
	  "audit rows that have their place in the tree")                                          \
	X(AUDIT_UNSIGNED, "longhaul_audit_unsigned_rows", GAUGE, NONE, "", "scheduler",            \
	  "of them, behind the last signed checkpoint outside; without audit.checkpoint_dir, the last")
/* clang-format on */

#endif
