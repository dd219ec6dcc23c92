/* connections.h - deadlines for what a client does slowly, and room for the next one.
 *
 * Each connection says where it stands; a sweeper thread ends those that are
 * late: a head must be complete header_ms after the connection was opened, a body
 * body_ms after its head, and an idle one leaves after idle_ms. A second head on
 * a kept connection has idle_ms in all. A reply must be taken within reply_ms and
 * a second for each 64 KiB of it: it stands in our memory until then. So must what waits in an
 * event stream: once something does, all that there is has to be taken at that pace. When nearly
 * all places are taken, the oldest connection that has no request under way makes room, or that has
 * let a second pass since the head of one that shows no credential: its body may be for ever on its
 * way.
 *
 * Threads: any; one lock guards the list, the rest is atomic.  Memory: one small
 * struct a connection. */
#ifndef HTTP_CONNECTIONS_H
#define HTTP_CONNECTIONS_H

#include "ground/err.h"
#include "ground/ring.h"

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum connection_at {
	CONNECTION_HEAD,
	CONNECTION_BODY,
	CONNECTION_STRANGER, /* a body too, of whoever has shown no good credential */
	CONNECTION_BUSY,
	CONNECTION_SENDING,
	CONNECTION_IDLE
};

struct connections;

struct connection {
	struct ring link;
	void *library;	  /* its handle */
	pthread_t thread; /* which reads and writes it */
	int fd;
	_Atomic int at;
	_Atomic int64_t since_ms;
};

struct connections_options {
	size_t max;
	int64_t header_ms, body_ms, reply_ms, idle_ms;
};

MUST_CHECK enum err connections_new(
	const struct connections_options *options, struct connections **ret_connections);
/* Stops the sweeper. Every connection must have left. NULL is fine. */
void connections_free(struct connections *c);
/* On the thread that will serve it. NULL when out of memory: the connection then has no deadline
 * but the library's. */
struct connection *connections_join(struct connections *c, void *library, int fd);
/* Before the descriptor is closed. NULL is fine. */
void connections_leave(struct connections *c, struct connection *connection);
void connection_moves(struct connection *connection, enum connection_at at);
/* Its body is a stranger's: nothing else begins anew. */
void connection_is_strange(struct connection *connection);
/* CONNECTION_SENDING, of so many bytes. */
void connection_sends(struct connection *connection, size_t bytes);
/* So many more bytes of an event stream were given to it; 0: it took all that there was. On its own
 * thread. */
void connection_streams(struct connection *connection, size_t bytes);
/* The oldest that is so; NULL when none is. is_so runs under the lock. What is found may leave at
 * any moment, unless it is the calling thread that serves it. */
struct connection *connections_find(
	struct connections *c, bool (*is_so)(const struct connection *connection));
size_t connections_n(const struct connections *c);

#endif
