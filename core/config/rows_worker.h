/* rows_worker.h - what the worker, its upstreams and its deliveries can be told; see rows.h.
 *
 * Threads: constants. */
#ifndef CONFIG_ROWS_WORKER_H
#define CONFIG_ROWS_WORKER_H

/* clang-format off */
#define CONFIG_WORKER(X)                                                                           \
	X(INT, slots, "1000", 1, 100000, "jobs", LIVE, "held at a time by one process")            \
	X(TEXTS, queues, "*", 1, 1000, "", FIXED, "that this worker serves; * = all")              \
	X(PATH, state_dir, "var/worker", 1, 4000, "", FIXED,                                       \
	  "folder for the crash note; one process each")                                           \
	X(LISTEN, metrics_listen, "", 0, 300, "", FIXED,                                           \
	  "address of this worker's metrics, without a key: a private one; empty = none")          \
	X(INT, db_connections, "2", 1, 2, "", FIXED,                                               \
	  "claims on the first, ends on the last; the beat has one of its own")                    \
	X(INT, lease_ms, "6000", 1000, 600000, "ms", FIXED,                                        \
	  "after its last beat a worker's jobs go to others")                                      \
	X(INT, beat_ms, "500", 50, 60000, "ms", FIXED, "between beats")                            \
	X(INT, db_outage_s, "60", 1, 3600, "s", LIVE,                                              \
	  "running calls go on so long without Postgres")                                          \
	X(INT, memory_mb, "1024", 16, 1048576, "MiB", LIVE,                                        \
	  "of inputs, replies and results held at a time; none is claimed that would go beyond")   \
	X(INT, claim_batch, "500", 1, 1000, "jobs", LIVE, "in one claim")                          \
	X(INT, claim_wait_ms, "4", 0, 1000, "ms", LIVE,                                            \
	  "messages that come so soon after a claim gather for the next one, three times as long " \
	  "where they come densely")                                                               \
	X(INT, claim_quiet_ms, "100", 1, 60000, "ms", LIVE,                                        \
	  "nothing from Kafka for so long: claim from Postgres")                                   \
	X(INT, claim_poll_min_ms, "50", 1, 60000, "ms", LIVE,                                      \
	  "shortest pause between such claims")                                                    \
	X(INT, claim_poll_max_ms, "500", 1, 600000, "ms", LIVE,                                   \
	  "longest pause between such claims")                                                     \
	X(INT, finish_batch, "500", 1, 1000, "jobs", LIVE, "whose end shares a commit")            \
	X(INT, finish_wait_ms, "4", 0, 1000, "ms", LIVE,                                           \
	  "ends that come so soon after a commit began gather for the next one, three times as "   \
	  "long where they come densely")                                                          \
	X(INT, live_flush_ms, "10", 1, 10000, "ms", LIVE, "between writes of live text to Redis")  \
	X(INT, run_flush_ms, "2000", 100, 60000, "ms", LIVE,                                       \
	  "between writes of live text to Postgres without Redis")                                 \
	X(INT, drain_s, "30", 0, 86400, "s", LIVE, "after SIGTERM running jobs may take so long")

#define CONFIG_UPSTREAM(X)                                                                         \
	X(TEXT, name, NULL, 1, 64, "", LIVE, "unique; shown in jobs and metrics")                  \
	X(URL, base_url, NULL, 1, 2000, "", LIVE, "for instance https://api.example.com/v1")       \
	X(SECRET, api_key_file, "", 0, 4000, "", LIVE,                                             \
	  "file with its only key; several stand in upstream_keys; empty and none there = none is sent") \
	X(TEXTS, models, "", 0, 1000, "", LIVE,                                                    \
	  "it serves where no route says who does, * = anything; the first upstream that fits is asked") \
	X(PAIRS, model_names, "", 0, 1000, "", LIVE,                                               \
	  "its own names for models, each as OURS=THEIRS; others go by our name")                  \
	X(DIALECT, dialect, "openai", 0, 0, "", LIVE, "openai or anthropic: how its key is sent")  \
	X(BOOL, stream, "true", 0, 0, "", LIVE, "ask for streams where a kind has them")           \
	X(INT, max_in_flight, "1000", 1, 100000, "calls", LIVE, "at a time from one worker")       \
	X(INT, requests_per_minute, "0", 0, 1000000000, "", LIVE,                                  \
	  "that the fleet may send of a model (each worker, without Redis); 0 = as its headers say") \
	X(INT, tokens_per_minute, "0", 0, 1000000000, "", LIVE,                                    \
	  "of a model, in and out together, likewise; 0 = as its headers say")                             \
	X(INT, connect_timeout_ms, "5000", 10, 600000, "ms", LIVE, "until a connection stands")    \
	X(INT, first_byte_timeout_ms, "120000", 10, 86400000, "ms", LIVE,                          \
	  "from the request to the first byte")                                                    \
	X(INT, idle_timeout_ms, "60000", 10, 86400000, "ms", LIVE, "between bytes of a reply")     \
	X(INT, slow_bytes, "32", 0, 1000000000, "bytes", LIVE,                                     \
	  "a reply that brings fewer in slow_window_ms is ended as upstream_stalled; 0 = however slow") \
	X(INT, slow_window_ms, "60000", 10, 86400000, "ms", LIVE,                                  \
	  "the time for slow_bytes, again and again from the reply's head on")                     \
	X(MONEY, input_usd_per_million, "0", 0, 0, "USD", LIVE,                                    \
	  "price of a million input tokens where no row of prices fits")                           \
	X(MONEY, output_usd_per_million, "0", 0, 0, "USD", LIVE,                                   \
	  "price of a million output tokens where no row of prices fits")

#define CONFIG_UPSTREAM_KEY(X)                                                                     \
	X(TEXT, upstream, NULL, 1, 64, "", LIVE, "whose key it is")                                \
	X(TEXT, label, NULL, 1, 64, "", LIVE,                                                      \
	  "unique for its upstream; stands in attempts and logs, where the key never does")        \
	X(SECRET, file, NULL, 1, 4000, "", LIVE, "file with the key")

#define CONFIG_ROUTE(X)                                                                            \
	X(TEXT, model, NULL, 1, 200, "", LIVE,                                                     \
	  "pattern of the models that go this way, * = anything; the first route that fits is taken") \
	X(TEXTS, upstreams, NULL, 1, 32, "", LIVE, "that serve it, the preferred one first")       \
	X(INTS, weights, "", 0, 32, "", LIVE,                                                      \
	  "how often each of them comes first; empty = always in this order")

#define CONFIG_PRICE(X)                                                                            \
	X(TEXT, model, NULL, 1, 200, "", LIVE,                                                     \
	  "pattern of an upstream's own names for models; the first price that fits is taken")     \
	X(TEXT, upstream, "*", 1, 64, "", LIVE, "whose price it is, * = anyone's")                 \
	X(DATE, from, "", 0, 10, "", LIVE, "the first day it holds (UTC); empty = it always did")  \
	X(DATE, until, "", 0, 10, "", LIVE,                                                        \
	  "the first day it no longer holds (UTC); empty = it still does")                         \
	X(MONEY, input_usd_per_million, NULL, 0, 0, "USD", LIVE, "of a million input tokens")      \
	X(MONEY, output_usd_per_million, NULL, 0, 0, "USD", LIVE, "of a million output tokens")

#define CONFIG_WEBHOOK(X)                                                                          \
	X(NETWORKS, allow_networks, "", 0, 1000, "", LIVE,                                         \
	  "private networks that may be called, as 10.1.0.0/16; none by default")                  \
	X(BOOL, allow_http, "false", 0, 0, "", LIVE, "may callbacks go over plain HTTP?")          \
	X(INT, timeout_ms, "15000", 100, 600000, "ms", LIVE, "for one delivery")                   \
	X(INT, response_bytes, "65536", 0, 16777216, "bytes", LIVE,                                \
	  "read of a receiver's reply, then dropped")                                              \
	X(INT, max_in_flight, "200", 1, 100000, "deliveries", FIXED, "at a time from one worker")  \
	X(INT, per_origin_in_flight, "10", 1, 10000, "deliveries", LIVE,                           \
	  "at a time to one receiver")                                                             \
	X(INTS, schedule_s, "0 5 300 1800 7200 18000 36000 50400 72000 86400", 1, 100, "s", LIVE,  \
	  "wait before each attempt, with jitter; after the last one the delivery has failed")
/* clang-format on */

#endif
