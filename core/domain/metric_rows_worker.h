/* metric_rows_worker.h - what only a worker tells. The shape of a row is in metric_rows.h.
 *
 * Threads: constants. */
#ifndef DOMAIN_METRIC_ROWS_WORKER_H
#define DOMAIN_METRIC_ROWS_WORKER_H

/* clang-format off */
#define METRIC_WORKER(X)                                                                           \
	/* one worker */                                                                           \
	X(SLOTS, "longhaul_slots", GAUGE, NONE, "", "worker", "jobs this worker may hold")         \
	X(SLOTS_FREE, "longhaul_slots_free", GAUGE, NONE, "", "worker",                            \
	  "jobs it would take now: 0 while draining, cut off from Postgres or short of memory")    \
	X(JOBS_HELD, "longhaul_jobs_held", GAUGE, NONE, "", "worker", "jobs it holds")             \
	X(ENDS_PENDING, "longhaul_ends_pending", GAUGE, NONE, "", "worker",                        \
	  "ended jobs that the record has not acknowledged yet")                                   \
	X(MEMORY_HELD, "longhaul_memory_held_bytes", GAUGE, NONE, "", "worker",                    \
	  "inputs, replies, results and queues held, as counted against the target")               \
	X(MEMORY_TARGET, "longhaul_memory_target_bytes", GAUGE, NONE, "", "worker",                \
	  "worker.memory_mb: nothing is claimed that would go beyond it")                          \
	X(RESULTS_HELD, "longhaul_results_held_bytes", GAUGE, NONE, "", "worker",                  \
	  "of these, results that wait for their commit")                                          \
	X(BEAT_AGE, "longhaul_beat_age_seconds", GAUGE, NONE, "", "worker",                        \
	  "since the last beat that the record acknowledged; beyond the lease its jobs go to others") \
	X(PARTITIONS, "longhaul_kafka_partitions", GAUGE, NONE, "", "worker",                      \
	  "partitions it reads; 0 on all workers: Kafka is away")                                  \
	X(JOBS_CLAIMED, "longhaul_jobs_claimed_total", COUNTER, NONE, "queue", "worker",           \
	  "jobs taken")                                                                            \
	X(JOBS_ENDED, "longhaul_jobs_ended_total", COUNTER, NONE, "queue outcome", "worker",       \
	  "attempts over, by what became of the job: a state, or lost to another holder")          \
	X(QUEUE_WAIT, "longhaul_queue_wait_seconds", HISTOGRAM, SLOW, "queue", "worker",           \
	  "how long claimed jobs lay ready")                                                       \
	X(CLAIM_JOBS, "longhaul_claim_jobs", HISTOGRAM, SIZE, "way", "worker",                     \
	  "jobs that one claim brought; way: message (from Kafka) or direct (from the tables)")    \
	X(CLAIM_SECONDS, "longhaul_claim_seconds", HISTOGRAM, FAST, "way", "worker",               \
	  "from sending a claim to the record's answer")                                           \
	X(CLAIM_FAILED, "longhaul_claim_failed_total", COUNTER, NONE, "way", "worker",             \
	  "claims that the record did not answer or refused")                                      \
	X(DISPATCH_SECONDS, "longhaul_dispatch_to_claim_seconds", HISTOGRAM, FAST, "", "worker",   \
	  "from the making of a message to the claim of its last job")                             \
	X(FINISH_JOBS, "longhaul_finish_jobs", HISTOGRAM, SIZE, "", "worker",                      \
	  "ends that shared a commit")                                                             \
	X(FINISH_SECONDS, "longhaul_finish_seconds", HISTOGRAM, FAST, "", "worker",                \
	  "from sending a batch of ends to its commit")                                            \
	X(FINISH_FAILED, "longhaul_finish_failed_total", COUNTER, NONE, "", "worker",              \
	  "batches of ends that have to be sent again")                                            \
	/* calls to models */                                                                      \
	X(CALLS_IN_FLIGHT, "longhaul_upstream_calls_in_flight", GAUGE, NONE, "upstream", "worker", \
	  "calls under way")                                                                       \
	X(CALLS_LIMIT, "longhaul_upstream_calls_limit", GAUGE, NONE, "upstream", "worker",         \
	  "calls at a time that this worker may make for the model whose 429s and time-outs lowered it most") \
	X(PERMITS_WAITING, "longhaul_upstream_jobs_waiting", GAUGE, NONE, "upstream", "worker",    \
	  "jobs held here that wait for leave to call")                                            \
	X(JOBS_PARKED, "longhaul_upstream_jobs_parked_total", COUNTER, NONE, "upstream", "worker", \
	  "jobs sent back to the record as their leave to call was too far off")                   \
	X(BREAKERS, "longhaul_upstream_breakers", GAUGE, NONE, "upstream state", "worker",         \
	  "models whose breaker is in this state; the fleet's, so take the max of the workers, not the sum") \
	X(KEY_USABLE, "longhaul_upstream_key_usable", GAUGE, NONE, "upstream key", "worker",       \
	  "0 while the key is set aside because the upstream refused it")                          \
	X(QUOTA_LEFT, "longhaul_upstream_quota_left_ratio", GAUGE, NONE, "upstream key rate", "worker", \
	  "share left of what a limit lets through at once, of the model with the least; rate: requests or tokens") \
	X(RETRIES_LEFT, "longhaul_upstream_retry_budget", GAUGE, NONE, "upstream", "worker",       \
	  "retries that this worker may make now")                                                 \
	X(LIMITS_SHARED, "longhaul_limits_shared", GAUGE, NONE, "", "worker",                      \
	  "1 while breakers and limits are the fleet's; 0: Redis is away or refuses, they are this worker's own") \
	X(ATTEMPTS, "longhaul_attempts_total", COUNTER, NONE, "upstream error", "worker",          \
	  "attempts over, by how: ok or an error's code; upstream none: it got to no call")        \
	X(RETRIES, "longhaul_retries_total", COUNTER, NONE, "upstream", "worker",                  \
	  "attempts after which the job waits for another one")                                    \
	X(FIRST_BYTE, "longhaul_upstream_first_byte_seconds", HISTOGRAM, SLOW, "upstream", "worker", \
	  "from the request to the reply's first byte")                                            \
	X(CALL_SECONDS, "longhaul_upstream_call_seconds", HISTOGRAM, SLOW, "upstream", "worker",   \
	  "from the request to the reply's end")                                                   \
	X(TOKENS, "longhaul_tokens_total", COUNTER, NONE, "upstream model direction", "worker",    \
	  "tokens used; direction: input or output; beyond 50 models all others are `other`")      \
	X(COST, "longhaul_cost_usd_total", COUNTER, NONE, "upstream model", "worker",              \
	  "what they cost by the configured prices")                                               \
	/* webhooks */                                                                             \
	X(WEBHOOKS, "longhaul_webhook_attempts_total", COUNTER, NONE, "outcome", "worker",         \
	  "deliveries tried: delivered, again (it failed and comes again), given_up, deferred (not tried: the receiver is full, or a fault of ours), lost") \
	X(WEBHOOKS_IN_FLIGHT, "longhaul_webhooks_in_flight", GAUGE, NONE, "", "worker",            \
	  "deliveries under way")
/* clang-format on */

#endif
