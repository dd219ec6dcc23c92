/* metric_rows.h - the shape of a metric's row, and the rows that several programs tell.
 *
 * Every metric of every program is one row, here or in metric_rows_producer.h,
 * metric_rows_worker.h or metric_rows_scheduler.h:
 *
 *   X(row, name, type, ladder, labels, programs, help)
 *
 * Names follow Prometheus: base units (seconds, bytes), _total for what only grows,
 * no label whose values callers invent: never a tenant, never a job. labels are
 * their names in the order in which values are given (metric.h). To add a metric,
 * add a row and write it where its program writes (metrics.c), then `make docs`:
 * docs/metrics.md is printed from these, and a check fails when it was forgotten.
 *
 * Threads: constants. */
#ifndef DOMAIN_METRIC_ROWS_H
#define DOMAIN_METRIC_ROWS_H

/* clang-format off */
#define METRIC_SHARED(X)                                                                           \
	/* what all have */                                                                        \
	X(BUILD_INFO, "longhaul_build_info", GAUGE, NONE, "version", "producer worker scheduler",  \
	  "1, and which version runs")                                                             \
	X(START_TIME, "process_start_time_seconds", GAUGE, NONE, "", "producer worker scheduler",  \
	  "when the process started, Unix time")                                                   \
	X(CPU, "process_cpu_seconds_total", COUNTER, NONE, "", "producer worker scheduler",        \
	  "processor time used, in user and system mode")                                          \
	X(RESIDENT, "process_resident_memory_bytes", GAUGE, NONE, "", "producer worker scheduler", \
	  "memory that the process occupies")                                                      \
	X(RECORD_UP, "longhaul_record_up", GAUGE, NONE, "", "producer worker scheduler",           \
	  "1 while Postgres answers this process")                                                 \
	X(KAFKA_UP, "longhaul_kafka_up", GAUGE, NONE, "", "producer scheduler",                    \
	  "1 while Kafka takes messages")                                                          \
	X(REDIS_UP, "longhaul_redis_up", GAUGE, NONE, "", "producer worker",                       \
	  "1 while Redis answers")                                                                 \
	X(DRAINING, "longhaul_draining", GAUGE, NONE, "", "producer worker",                       \
	  "1 while this process finishes what it has and takes nothing new")                       \
	X(LOOP_TURN, "longhaul_loop_turn_seconds", HISTOGRAM, FAST, "",                            \
	  "producer worker scheduler",                                                             \
	  "how long one turn of an event loop kept everything else waiting; a producer has several") \
	X(LOOP_STALLS, "longhaul_loop_stalls_total", COUNTER, NONE, "step", "producer worker",     \
	  "turns over 50 ms, by what took most of them: a job's step, a part of the program, or a producer's kind of lane to the record") \
	/* the queues, as the record has them; from the scheduler that leads, and from producers */ \
	X(QUEUE_DEPTH, "longhaul_queue_depth", GAUGE, NONE, "queue", "producer scheduler",         \
	  "jobs that could run now")                                                               \
	X(QUEUE_WAITING, "longhaul_queue_waiting", GAUGE, NONE, "queue", "producer scheduler",     \
	  "jobs that are due later: run_at, a retry, a limit")                                     \
	X(QUEUE_RUNNING, "longhaul_queue_running", GAUGE, NONE, "queue", "producer scheduler",     \
	  "jobs that run")                                                                         \
	X(QUEUE_OLDEST, "longhaul_queue_oldest_age_seconds", GAUGE, NONE, "queue",                 \
	  "producer scheduler", "how long the oldest job that could run has waited")               \
	X(QUEUE_PAUSED, "longhaul_queue_paused", GAUGE, NONE, "queue", "producer scheduler",       \
	  "1 while it is paused")                                                                  \
	X(QUEUE_FREE_SLOTS, "longhaul_queue_free_slots", GAUGE, NONE, "queue", "producer",         \
	  "slots the fleet has for it")                                                            \
	X(SLOTS_WANTED, "longhaul_slots_wanted", GAUGE, NONE, "", "producer scheduler",            \
	  "slots that would be busy now if there were enough: the figure to scale workers by")     \
	/* the fleet, as the record has it */                                                      \
	X(WORKERS, "longhaul_workers", GAUGE, NONE, "", "producer scheduler", "workers that live") \
	X(FLEET_SLOTS, "longhaul_worker_slots", GAUGE, NONE, "", "producer scheduler",             \
	  "jobs they can hold")                                                                    \
	X(FLEET_FREE, "longhaul_worker_slots_free", GAUGE, NONE, "", "producer",                   \
	  "jobs they could take now")                                                              \
	X(FLEET_RUNNING, "longhaul_worker_running", GAUGE, NONE, "", "producer scheduler",         \
	  "jobs they hold")                                                                        \
	X(FLEET_UTILISATION, "longhaul_worker_utilisation", GAUGE, NONE, "", "producer",           \
	  "share of the slots that is taken, 0 to 1")
/* clang-format on */

#endif
