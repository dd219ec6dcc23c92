/* metric_rows_producer.h - what only a producer tells. The shape of a row is in metric_rows.h.
 *
 * Threads: constants. */
#ifndef DOMAIN_METRIC_ROWS_PRODUCER_H
#define DOMAIN_METRIC_ROWS_PRODUCER_H

/* clang-format off */
#define METRIC_PRODUCER(X)                                                                         \
	/* the API */                                                                              \
	X(HTTP_REPLIES, "longhaul_http_replies_total", COUNTER, NONE, "listener route code",        \
	  "producer", "replies by route and status")                                               \
	X(HTTP_SECONDS, "longhaul_http_reply_seconds", HISTOGRAM, FAST, "listener route",           \
	  "producer", "from the request's head to the end of its reply")                           \
	X(RECORD_BATCHES, "longhaul_record_batches_total", COUNTER, NONE, "operation", "producer", \
	  "transactions by operation")                                                             \
	X(RECORD_ITEMS, "longhaul_record_items_total", COUNTER, NONE, "operation", "producer",     \
	  "requests served by them")                                                               \
	X(RECORD_FAILED, "longhaul_record_failed_total", COUNTER, NONE, "operation", "producer",   \
	  "requests whose transaction failed")                                                     \
	X(RECORD_BUSY, "longhaul_record_busy_seconds_total", COUNTER, NONE, "operation", "producer", \
	  "time from a batch's start to its end")                                                  \
	X(RECORD_PENDING, "longhaul_record_pending", GAUGE, NONE, "", "producer",                  \
	  "requests waiting for the record")                                                       \
	X(WATCHERS, "longhaul_watchers", GAUGE, NONE, "", "producer",                              \
	  "long polls and event streams")                                                          \
	X(CONNECTIONS, "longhaul_connections", GAUGE, NONE, "", "producer",                        \
	  "open connections of clients")                                                           \
	X(BODY_MEMORY, "longhaul_body_memory_bytes", GAUGE, NONE, "", "producer",                  \
	  "of bodies announced or held that are longer than producer.connection_bytes")            \
	X(BODIES_REFUSED, "longhaul_bodies_refused_total", COUNTER, NONE, "limit", "producer",     \
	  "refused for want of memory for bodies: everybody's (all) or the tenant's share")        \
	X(REPLY_MEMORY, "longhaul_reply_memory_bytes", GAUGE, NONE, "", "producer",                \
	  "of replies loaded and not sent yet")                                                    \
	X(REPLIES_REFUSED, "longhaul_replies_refused_total", COUNTER, NONE, "limit", "producer",   \
	  "reads refused for want of memory for replies: everybody's (all) or the tenant's share")  \
	X(STREAM_MEMORY, "longhaul_stream_memory_bytes", GAUGE, NONE, "", "producer",              \
	  "of event streams' buffers, those of 64 KiB and more")                                   \
	X(STREAMS_CUT, "longhaul_streams_cut_total", COUNTER, NONE, "limit", "producer",           \
	  "event streams ended for want of memory: everybody's (all) or the tenant's share")       \
	X(LIMIT_ADMITTED, "longhaul_request_limit_admitted_total", COUNTER, NONE, "", "producer",  \
	  "requests that have limits and were let in")                                             \
	X(LIMIT_REFUSED, "longhaul_request_limit_refused_total", COUNTER, NONE, "level",           \
	  "producer", "429, by each level that stood in the way")                                  \
	X(LIMIT_LOCAL, "longhaul_request_limit_local_total", COUNTER, NONE, "", "producer",        \
	  "decided without Redis, by this producer's share of the limits")                         \
	X(LIMIT_SHARED, "longhaul_request_limit_shared", GAUGE, NONE, "", "producer",              \
	  "1: Redis counts requests for all producers; 0: each counts its share")
/* clang-format on */

#endif
