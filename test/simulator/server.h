/* server.h - one thread, one epoll, ten thousand connections.
 *
 * A connection holds a buffer only while a request is incomplete or a reply does
 * not fit the socket, and an answer only while one is being given. All waiting is
 * in one heap of timers, so a stream between two tokens costs its struct and its
 * socket. Edge-triggered events need no epoll_ctl after the first.
 *
 * Who owns what: the server its connections; a connection its answer.
 *
 * Threads: everything here belongs to the thread of server_run. */
#ifndef SIMULATOR_SERVER_H
#define SIMULATOR_SERVER_H

#include "simulator/behaviour.h"
#include "simulator/calls.h"
#include "simulator/quota.h"
#include "simulator/request.h"
#include "simulator/timers.h"

#include "ground/buf.h"
#include "ports/json.h"

#include <stdbool.h>

struct answer;

struct conn {
	int fd;
	bool unread;	/* bytes wait in the socket */
	bool closing;	/* closes as soon as its output is gone */
	bool gone;	/* the peer hung up, or the socket failed */
	bool continued; /* 100 Continue was said for this request */
	struct buf in;
	struct buf out;
	size_t sent; /* bytes of out that are gone */
	struct answer *answer;
	struct conn *next; /* of all connections, or of those to be freed */
	struct conn *prev;
};

struct server {
	int epoll;
	int listener;
	int stop_fd; /* readable when a signal asked for the end */
	bool stopping;
	struct timers timers;
	struct calls *calls;
	struct quotas quotas;
	struct behaviour fault; /* lies over every call until fault_until_us */
	int64_t fault_until_us;
	uint64_t served;
	struct conn *conns;
	struct conn *dead;
	struct buf scratch; /* a reply under construction; empty between turns */
	struct problems problems;
};

/* Listens on host:port (IPv4, port 0 = any). ERR_SYSTEM with errno. */
MUST_CHECK enum err server_open(const char *listen, size_t calls_max, struct server **ret_server);
void server_close(struct server *s);
unsigned server_port(const struct server *s);
/* Serves until SIGTERM or SIGINT. */
MUST_CHECK enum err server_run(struct server *s);

/* conn.c */
void conn_new(struct server *s, int fd);
void conn_free(struct server *s, struct conn *c);
/* Something happened on the socket: reads, serves, writes. */
void conn_event(struct server *s, struct conn *c, unsigned events);
/* Sends bytes, or keeps what does not fit. Never fails at once: a dead peer shows in c->gone. */
void conn_send(struct conn *c, const void *bytes, size_t len);
bool conn_pending(const struct conn *c);
/* A whole JSON reply with its head; extra holds further header lines or is NULL. */
void conn_reply(
	struct server *s, struct conn *c, int status, const char *extra, const struct buf *body);
/* route.c: one request, complete. */
void route_serve(struct server *s, struct conn *c, const struct request *r);

#endif
