/* rows_producer.h - what the producer can be told. The shape of a row is in rows.h.
 *
 * Threads: constants. */
#ifndef CONFIG_ROWS_PRODUCER_H
#define CONFIG_ROWS_PRODUCER_H

/* clang-format off */
#define CONFIG_PRODUCER(X)                                                                         \
	X(LISTEN, listen, "127.0.0.1:8080", 3, 300, "", FIXED, "address of the API")               \
	X(LISTEN, admin_listen, "127.0.0.1:8081", 3, 300, "", FIXED,                               \
	  "address of the operators' API and metrics")                                             \
	X(TEXT, region, "", 0, 64, "", LIVE,                                                       \
	  "where this producer stands: what rules of roles call region; empty = not known")        \
	X(INT, threads, "2", 1, 64, "", FIXED, "that parse and answer requests")                   \
	X(INT, db_connections, "2", 1, 64, "", FIXED, "each with a thread that commits batches")   \
	X(INT, batch_max, "500", 1, 500, "jobs", FIXED, "that share a commit")                     \
	X(INT, batch_wait_us, "4000", 0, 100000, "us", FIXED,                                      \
	  "few changes that come so soon after a commit began gather for the next, three times "   \
	  "as long where they come densely; 0: nobody waits for company; rounded up to 1000")                                          \
	X(INT, pending_max, "20000", 1, 1000000, "requests", FIXED,                                \
	  "waiting for a commit; beyond it 503")                                                   \
	X(INT, commit_timeout_ms, "5000", 100, 60000, "ms", FIXED,                                 \
	  "a request waits for its commit; then 503")                                              \
	X(INT, connections_max, "25000", 10, 1000000, "", FIXED, "open at a time")                 \
	X(INT, connections_per_ip, "22000", 1, 1000000, "", FIXED,                                 \
	  "open at a time from one address; at most 15 of 16 of those there are")                  \
	X(INT, connection_bytes, "16384", 4096, 1048576, "bytes", FIXED,                           \
	  "of request line, headers and buffer")                                                   \
	X(INT, header_timeout_ms, "10000", 100, 600000, "ms", FIXED,                               \
	  "from the first byte to the last header")                                                \
	X(INT, body_timeout_ms, "60000", 100, 3600000, "ms", FIXED,                                \
	  "from the last header to the end of the body")                                           \
	X(INT, reply_timeout_ms, "30000", 100, 3600000, "ms", FIXED,                               \
	  "a client may take for a reply, and a second more for each 64 KiB")                      \
	X(INT, idle_timeout_ms, "75000", 100, 3600000, "ms", FIXED,                                \
	  "an open connection without a request")                                                  \
	X(INT, body_memory_mb, "512", 16, 65536, "MiB", LIVE,                                      \
	  "of bodies longer than producer.connection_bytes, announced or held at a time; beyond "  \
	  "it 503")                                                                                \
	X(INT, body_tenant_percent, "25", 1, 100, "%", LIVE,                                       \
	  "of producer.body_memory_mb for the bodies of one tenant; beyond it 503")                \
	X(INT, reply_memory_mb, "256", 16, 65536, "MiB", LIVE,                                     \
	  "of replies loaded and not sent yet, beyond it 503; and as much of events that wait in " \
	  "streams, beyond it these end")                                                          \
	X(INT, reply_tenant_percent, "50", 1, 100, "%", LIVE,                                      \
	  "of producer.reply_memory_mb for the replies of one tenant, and for its streams")        \
	X(INT, wait_max_s, "60", 1, 600, "s", LIVE, "a long poll may ask for")                     \
	X(INT, watchers_max, "20000", 1, 1000000, "", LIVE,                                        \
	  "long polls and event streams at a time")                                                \
	X(INT, watchers_tenant_percent, "75", 1, 100, "%", LIVE,                                   \
	  "of producer.watchers_max for one tenant; beyond it a poll is answered at once, and a "  \
	  "stream ends")                                                                           \
	X(INT, comment_ms, "15000", 100, 600000, "ms", LIVE,                                       \
	  "between comments on a silent event stream")                                             \
	X(INT, look_ms, "1000", 50, 60000, "ms", LIVE,                                             \
	  "between looks at the record for all who wait")                                          \
	X(INT, list_max, "100", 1, 1000, "jobs", LIVE, "on one page of a list")                    \
	X(NETWORKS, trusted_proxies, "", 0, 100, "", LIVE,                                         \
	  "networks of proxies that name their client in X-Forwarded-For; empty = nobody is "      \
	  "believed, and the client is who connects")                                              \
	X(INT, drain_s, "10", 0, 3600, "s", LIVE, "after SIGTERM open requests may take so long")

#define CONFIG_REQUEST_LIMITS(X)                                                                   \
	X(INT, window_s, "60", 1, 86400, "s", LIVE, "what the numbers here are counted in")        \
	X(INT, deadline_ms, "50", 1, 10000, "ms", LIVE,                                            \
	  "Redis is waited for so long; then each producer counts its share")                      \
	X(INT, burst_percent, "100", 1, 100, "%", LIVE,                                            \
	  "of a window's requests may come at once")                                               \
	X(INT, global_requests, "0", 0, 1000000000, "", LIVE,                                      \
	  "of all callers together, in a window; 0 = free")                                        \
	X(INT, tenant_requests, "0", 0, 1000000000, "", LIVE, "of a tenant; 0 = free")             \
	X(INT, ip_requests, "0", 0, 1000000000, "", LIVE,                                          \
	  "from an IPv4 address or an IPv6 /64; 0 = free")                                         \
	X(INT, user_requests, "0", 0, 1000000000, "", LIVE,                                        \
	  "of a user, or of a key that acts for none; 0 = free")
/* clang-format on */

#endif
