/* rows_scheduler.h - what the scheduler can be told. The shape of a row is in rows.h.
 *
 * Threads: constants. */
#ifndef CONFIG_ROWS_SCHEDULER_H
#define CONFIG_ROWS_SCHEDULER_H

/* clang-format off */
#define CONFIG_SCHEDULER(X)                                                                        \
	X(INT, tick_ms, "20", 1, 10000, "ms", LIVE, "between rounds of dispatch")                  \
	X(INT, term_ms, "3000", 200, 600000, "ms", FIXED,                                          \
	  "a leader that is silent so long is replaced")                                           \
	X(INT, due_ms, "50", 5, 60000, "ms", LIVE, "between looks for jobs whose time has come")   \
	X(INT, reap_ms, "250", 10, 60000, "ms", LIVE, "between looks for dead workers")            \
	X(INT, silent_ms, "2000", 100, 600000, "ms", LIVE,                                         \
	  "without beat and lock a worker counts as killed")                                       \
	X(INT, expiry_ms, "500", 10, 600000, "ms", LIVE,                                           \
	  "between looks for deadlines that passed")                                               \
	X(INT, allot_ms, "100", 10, 60000, "ms", LIVE, "between grants to producers")              \
	X(INT, maintain_s, "60", 1, 86400, "s", LIVE,                                              \
	  "between rounds of partition and clean-up work")                                         \
	X(INT, batch_max, "500", 1, 5000, "jobs", LIVE, "in one statement")                        \
	X(INT, message_jobs, "100", 1, 1000, "jobs", LIVE, "in one Kafka message")                 \
	X(INT, window_extra_percent, "10", 0, 1000, "%", LIVE,                                     \
	  "dispatched beyond the fleet's free slots")                                              \
	X(INT, window_extra_min, "50", 0, 100000, "jobs", LIVE,                                    \
	  "dispatched beyond them at least")                                                       \
	X(INT, report_timeout_ms, "5000", 100, 600000, "ms", LIVE,                                 \
	  "no delivery report for so long: dispatched anew")                                       \
	X(INT, crashes_max, "3", 1, 100, "", LIVE,                                                 \
	  "a job that killed so many workers is quarantined")                                      \
	X(INT, interruptions_max, "20", 1, 10000, "", LIVE, "a job interrupted so often fails")    \
	X(INT, partition_days_ahead, "3", 1, 60, "days", LIVE,                                     \
	  "partitions are made so long before they are needed")
/* clang-format on */

#endif
