/* door.h - a port of ours behind which a server stands; what is wrong with all lines through it.
 *
 * Threads: the loop's.  Memory: door_free cuts its lines. */
#ifndef PROXY_DOOR_H
#define PROXY_DOOR_H

#include "proxy/line.h"

enum { DOOR_NAME_MAX = 31 };

struct door {
	char name[DOOR_NAME_MAX + 1];
	struct loop *loop;
	struct loop_io *io;
	struct loop_timer *timer; /* faults with a measure of time need turns of their own */
	struct sockaddr_in here, server;
	struct fault fault;
	struct ring lines;
	int fd;
	uint64_t opened; /* lines, ever */
};

/* Listens on a free port of 127.0.0.1; server is an IPv4 address. ERR_INVALID_FIELD, ERR_SYSTEM */
MUST_CHECK enum err door_new(struct loop *loop, const char *name, const char *server_host,
	unsigned server_port, struct door **ret_door);
void door_free(struct door *door);
unsigned door_port(const struct door *door);
/* ERR_SYSTEM: it could not listen again; the fault is in force all the same. */
MUST_CHECK enum err door_fault(struct door *door, const struct fault *fault);
size_t door_lines(const struct door *door);

#endif
