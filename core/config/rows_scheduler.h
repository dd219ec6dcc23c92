/* rows_scheduler.h - what the scheduler can be told. The shape of a row is in rows.h.
 *
 * Threads: constants. */
#ifndef CONFIG_ROWS_SCHEDULER_H
#define CONFIG_ROWS_SCHEDULER_H

/* clang-format off */
#define CONFIG_SCHEDULER(X)                                                                        \
	X(INT, term_ms, "3000", 200, 600000, "ms", FIXED,                                          \
	  "a leader that is silent so long is replaced")                                           \
	X(LISTEN, metrics_listen, "", 0, 300, "", FIXED,                                           \
	  "address of this scheduler's metrics, without a key: a private one; empty = none")       \
	X(INT, tick_ms, "20", 1, 10000, "ms", LIVE,                                                \
	  "between rounds of dispatch while there is work")                                        \
	X(INT, idle_tick_ms, "200", 1, 10000, "ms", LIVE,                                          \
	  "between rounds of dispatch while there is none")                                        \
	X(INT, due_ms, "100", 5, 60000, "ms", LIVE, "between looks for jobs whose time has come")  \
	X(INT, reap_ms, "100", 10, 60000, "ms", LIVE, "between looks for dead workers")            \
	X(INT, expiry_ms, "500", 10, 600000, "ms", LIVE,                                           \
	  "between looks for deadlines that passed")                                               \
	X(INT, allot_ms, "100", 10, 60000, "ms", LIVE, "between allotments to producers")          \
	X(INT, upkeep_ms, "60000", 1000, 86400000, "ms", LIVE,                                     \
	  "between rounds of partition and clean-up work")                                         \
	X(INT, message_jobs, "200", 1, 500, "jobs", LIVE, "in one Kafka message at most")          \
	X(INT, window_extra_percent, "10", 0, 1000, "%", LIVE,                                     \
	  "of the fleet's slots, dispatched beyond the free ones")                                 \
	X(INT, report_timeout_ms, "5000", 4000, 600000, "ms", LIVE,                                \
	  "no delivery report for so long: dispatched anew")                                       \
	X(INT, partition_days_ahead, "3", 1, 60, "days", LIVE,                                     \
	  "partitions are made so long before they are needed")                                    \
	X(INT, audit_days, "400", 1, 36500, "days", LIVE,                                          \
	  "audit rows are kept; then they are dropped by the day")
/* clang-format on */

#endif
