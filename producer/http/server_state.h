/* server_state.h - what server.c, exchange.c and reply_memory.c share; nobody else includes it.
 *
 * Threads: atomics; the rest does not change after server_open. */
#ifndef HTTP_SERVER_STATE_H
#define HTTP_SERVER_STATE_H

#include "http/connections.h"
#include "http/reply_memory.h"
#include "http/server.h"

#include <microhttpd.h>

struct server {
	struct server_options options;
	struct MHD_Daemon *daemon;
	struct connections *connections;
	int fd, port;
	bool quiet;
	_Atomic size_t busy;	    /* requests between head and reply */
	_Atomic size_t body_memory; /* bytes of bodies held */
	struct reply_memory replies;
};

#endif
