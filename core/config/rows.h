/* rows.h - the shape of a configuration row, and the sections that no single program owns.
 *
 * All that can be configured is written down once, here and in rows_producer.h (with
 * request_limits), rows_worker.h (with upstreams, routes, prices, webhooks), rows_permit.h
 * (breakers, pacing), rows_identity.h, rows_audit.h and rows_scheduler.h: the structs, the
 * YAML schema, --help, the sample file and docs/configuration.md come from these rows. To
 * add an option, add a row (and run `make docs`); nothing else changes.
 *
 *   X(type, name, initial, min, max, unit, LIVE|FIXED, help)
 *
 * type     see table.h. initial is spelt as in YAML, lists with spaces between; NULL: is required.
 * min, max the value of an INT, the length of a text, the number of elements of a list.
 * unit     for people; the name ends in it where it is a duration or a size.
 * LIVE     a reload (SIGHUP) may change it; FIXED needs a restart.
 *
 * Threads: constants. */
#ifndef CONFIG_ROWS_H
#define CONFIG_ROWS_H

/* Their most, so that a statement's arguments and a reply hold what may be asked for: whoever puts
 * them there asserts it. */
#define CONFIG_BODY_BYTES_MOST	 (128 << 20)
#define CONFIG_RESULT_BYTES_MOST (64 << 20)

/* clang-format off */
#define CONFIG_DATABASE(X)                                                                         \
	X(TEXT, url, NULL, 1, 2000, "", FIXED,                                                     \
	  "libpq connection string, without user and password: each program has its own role")     \
	X(PATH, passfile, "", 0, 4000, "", FIXED,                                                  \
	  "password file in libpq's format, mode 0600; empty = none is needed")                    \
	X(INT, connect_timeout_ms, "5000", 100, 60000, "ms", FIXED, "until a connection stands")   \
	X(INT, statement_timeout_ms, "10000", 100, 600000, "ms", FIXED,                            \
	  "Postgres ends a worker's or scheduler's statement after this; a producer's after "    \
	  "producer.commit_timeout_ms, a beat after worker.lease_ms")                                          \
	X(INT, silence_timeout_ms, "5000", 500, 600000, "ms", FIXED,                               \
	  "a connection that owes a reply for so long is given up")                                \
	X(BOOL, rerun_after_failover, "false", 0, 0, "", LIVE,                                     \
	  "behind a fail-over or restore, run again what ran instead of keeping it for "           \
	  "`longhaul review`: only where commits wait for a synchronous standby")

#define CONFIG_KAFKA(X)                                                                            \
	X(TEXT, brokers, "", 0, 2000, "", FIXED,                                                   \
	  "host:port, several with commas; empty = none: workers claim from Postgres directly")    \
	X(PROTOCOL, security_protocol, "plaintext", 0, 0, "", FIXED,                               \
	  "how brokers are spoken to; sasl_plaintext shows the password to the network")           \
	X(PATH, ca_file, "", 0, 4000, "", FIXED,                                                   \
	  "certificates in PEM that vouch for the brokers; empty = the system's")                  \
	X(MECHANISM, sasl_mechanism, "", 0, 20, "", FIXED, "with a protocol of sasl_")             \
	X(TEXT, sasl_username, "", 0, 256, "", FIXED, "with a protocol of sasl_")                  \
	X(SECRET, sasl_password_file, "", 0, 4000, "", FIXED,                                      \
	  "file with its password; with a protocol of sasl_")                                      \
	X(TEXT, topic_prefix, "longhaul", 1, 100, "", FIXED, "topics are <prefix>.<queue>")        \
	X(INT, partitions, "12", 1, 256, "", FIXED, "of a topic, when it is made")                 \
	X(INT, replicas, "1", 1, 9, "", FIXED, "of a partition, when its topic is made")           \
	X(INT, message_timeout_ms, "3000", 100, 60000, "ms", FIXED,                                \
	  "a message that no broker took by then is dispatched anew")                              \
	X(INT, session_timeout_ms, "6000", 6000, 300000, "ms", FIXED,                              \
	  "after this a silent worker's partitions go to others")

#define CONFIG_REDIS(X)                                                                            \
	X(REDIS, limits_url, "", 0, 2000, "", FIXED,                                               \
	  "redis://host:port[/db] for limits and live events (noeviction); empty = none")          \
	X(REDIS, cache_url, "", 0, 2000, "", FIXED,                                                \
	  "redis://host:port[/db] for caches, of no use to this release; empty = none")            \
	X(SECRET, password_file, "", 0, 4000, "", FIXED,                                           \
	  "file with the password of both; empty = none")                                          \
	X(INT, connect_timeout_ms, "500", 10, 60000, "ms", FIXED, "until a connection stands")     \
	X(INT, command_timeout_ms, "200", 10, 60000, "ms", FIXED,                                  \
	  "a command without a reply for so long counts as failed")                                \
	X(INT, live_ttl_s, "900", 10, 86400, "s", LIVE,                                            \
	  "live events are kept so long after the last one")

#define CONFIG_KEYS(X)                                                                             \
	X(PATH, dir, "", 0, 4000, "", FIXED,                                                       \
	  "directory of the key-encryption keys, mode 0700, their files 0600; no program starts "  \
	  "without: `longhaul epoch make` makes the first")                                        \
	X(INT, retired_weeks, "2", 1, 2, "weeks", LIVE,                                            \
	  "an epoch that ceased to be active is destroyed after so long; with 7 days of grace, 7 " \
	  "of its life and 1 to spare an erasure then ends within 30 days in backups too")

#define CONFIG_LOG(X)                                                                              \
	X(LEVEL, level, "info", 0, 0, "", LIVE, "debug, info, warn or error")

#define CONFIG_LIMITS(X)                                                                           \
	X(INT, body_bytes, "10485760", 1024, CONFIG_BODY_BYTES_MOST, "bytes", LIVE, "of a request") \
	X(INT, bulk_bytes, "67108864", 1024, 1073741824, "bytes", LIVE, "of a bulk request")       \
	X(INT, bulk_lines, "10000", 1, 1000000, "", LIVE, "jobs in a bulk request")                \
	X(INT, json_depth, "64", 4, 1000, "", LIVE, "nesting of a JSON text")                      \
	X(INT, json_memory_mb, "64", 1, 65536, "MiB", LIVE,                                        \
	  "that the values of a JSON text take once it is read, its strings' characters aside")    \
	X(INT, result_bytes, "16777216", 1024, CONFIG_RESULT_BYTES_MOST, "bytes", LIVE,            \
	  "of a reply that is kept")                                                               \
	X(INT, metadata_keys, "16", 0, 64, "", LIVE, "members of a job's metadata")                \
	X(INT, metadata_key_chars, "64", 1, 1000, "characters", LIVE, "of a metadata key")         \
	X(INT, metadata_value_chars, "512", 0, 65536, "characters", LIVE, "of a metadata value")   \
	X(INT, subject_chars, "256", 1, 1000, "characters", LIVE, "of a job's subject")            \
	X(INT, deadline_default_s, "3600", 1, 34560000, "s", LIVE, "when a job names none")        \
	X(INT, deadline_max_s, "2592000", 1, 34560000, "s", LIVE, "a job may ask for")             \
	X(INT, run_ahead_max_s, "3155760000", 1, 3155760000, "s", LIVE,                            \
	  "how far ahead run_at may lie")                                                          \
	X(INT, attempt_timeout_default_s, "600", 1, 86400, "s", LIVE, "when a job names none")     \
	X(INT, attempt_timeout_max_s, "7200", 1, 86400, "s", LIVE, "a job may ask for")            \
	X(INT, attempts_default, "5", 1, 100, "", LIVE, "when a job names none")                   \
	X(INT, attempts_max, "20", 1, 100, "", LIVE, "a job may ask for")                          \
	X(INT, idempotency_ttl_s, "86400", 60, 2592000, "s", LIVE,                                 \
	  "an Idempotency-Key is remembered")                                                      \
	X(INT, retain_default_days, "30", 1, 400, "days", LIVE,                                    \
	  "a job and its data are kept when it names nothing; rounded up to 1, 7, 30, 90 or 400")  \
	X(INT, upstream_message_bytes, "2048", 0, 65536, "bytes", LIVE,                            \
	  "kept of an upstream's own words")

#define CONFIG_RETRY(X)                                                                            \
	X(INT, base_ms, "2000", 1, 600000, "ms", LIVE,                                             \
	  "the first retry's longest wait; it doubles")                                            \
	X(INT, cap_ms, "60000", 1, 3600000, "ms", LIVE, "no retry waits longer")                   \
	X(INT, budget_percent, "20", 0, 100, "%", LIVE,                                            \
	  "retries may be so large a share of an upstream's calls; 100 = no budget is kept")       \
	X(INT, budget_least_per_minute, "60", 1, 1000000, "", LIVE,                                \
	  "retries of an upstream that the fleet may make besides")
/* clang-format on */

#endif
