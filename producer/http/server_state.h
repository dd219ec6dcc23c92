/* server_state.h - what server.c, exchange.c, body_memory.c and reply_memory.c share; nobody else
 * includes it.
 *
 * Threads: atomics; the rest does not change after server_open. */
#ifndef HTTP_SERVER_STATE_H
#define HTTP_SERVER_STATE_H

#include "http/connections.h"
#include "http/server.h"
#include "http/shares.h"

#include <microhttpd.h>

struct server {
	struct server_options options;
	struct MHD_Daemon *daemon;
	struct connections *connections;
	int fd, port;
	bool quiet;
	_Atomic size_t busy;   /* requests between head and reply */
	struct shares bodies;  /* bytes that are held, or were announced */
	struct shares replies; /* bytes that are being loaded, or not sent yet */
};

#endif
