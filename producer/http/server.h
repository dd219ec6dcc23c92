/* server.h - the HTTP side of the producer (libmicrohttpd lives in this folder).
 *
 * One server is one listener with its own threads and table of routes. It parses,
 * guards (guard.h), finds the route, asks the access hook who is calling, reads
 * the body within its limits, runs the handler and sends the reply. Connections
 * have absolute deadlines for head, body and reply (connections.h), which the
 * library does not: its own time-out restarts with every byte.
 *
 * Threads: server_open starts them; handlers run on them.  Memory: bodies are
 * counted against one limit for all (body_memory.h), replies against another
 * (reply_memory.h), and both against a tenant's share; beyond it a request gets 503. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "http/request.h"

struct config_texts;
struct shares;
struct server;

/* Finds out who calls. ERR_OK, or a failure that r->reply shall tell; it may park the request, then
 * *ret_parked is true, and the server asks again after request_resume. */
typedef enum err server_access_fn(struct request *r, bool *ret_parked);
/* Told for every reply, once it is sent or lost. us = from the first byte to that moment. */
typedef void server_done_fn(struct producer *producer, const struct request *r, int64_t us);

struct server_options {
	const char *listen; /* host:port; port 0 = any */
	enum route_listener listener;
	const struct route *routes;
	server_access_fn *access;
	server_access_fn *note; /* asked before the handler; ERR_OK lets it run, else it answered */
	server_done_fn *done;
	struct producer *producer;
	unsigned threads;
	size_t connections_max, connections_per_ip, connection_bytes;
	int64_t header_ms, body_ms, reply_ms, idle_ms;
	/* read at each request, so a reload shows */
	size_t (*body_max)(struct producer *producer, enum route_body kind);
	size_t (*body_memory_max)(struct producer *producer);
	size_t (*body_share_max)(struct producer *producer); /* of one tenant */
	/* networks of proxies whose X-Forwarded-For is believed */
	const struct config_texts *(*trusted_proxies)(struct producer *producer);
	size_t (*reply_memory_max)(struct producer *producer);
	size_t (*reply_share_max)(struct producer *producer); /* of one tenant */
};

/*   ERR_CONFIG  the address cannot be used; why gets one sentence      ERR_NOMEM */
MUST_CHECK enum err server_open(
	const struct server_options *options, struct buf *why, struct server **ret_server);
int server_port(const struct server *s);
/* No new connections; open ones go on. */
void server_quiesce(struct server *s);
/* Requests under way. */
size_t server_busy(const struct server *s);
size_t server_connections(const struct server *s);
const struct shares *server_bodies(const struct server *s);
const struct shares *server_replies(const struct server *s);
/* Ends all. Nothing may be parked any more. NULL is fine. */
void server_close(struct server *s);

#endif
