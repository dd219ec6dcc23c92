/* line.h - a client's connection, the one to the server that belongs to it, and two flows between.
 *
 * Threads: the loop's.  Memory: line_free closes both ends; a line frees itself when
 * it is over, leaving its ring. */
#ifndef PROXY_LINE_H
#define PROXY_LINE_H

#include "ground/ring.h"
#include "ports/loop.h"
#include "proxy/flow.h"

#include <netinet/in.h>

struct line_end {
	struct line *line;
	struct loop_io *io;
	int fd; /* -1: not, or no longer, there */
};

struct line {
	struct ring link;
	struct loop *loop;
	const struct fault *fault; /* its door's, as it is now */
	struct sockaddr_in server;
	struct line_end ends[WAYS]; /* [TO_SERVER] is the client's: what it says goes there */
	struct flow flows[WAYS];
	int64_t passed, passed_at_fault;
	bool greeted;  /* the connection to the server stands */
	bool orphaned; /* the server's end was cut behind the client's back */
};

/* Takes the client's socket in any case. */
MUST_CHECK enum err line_new(struct loop *loop, int client_take, const struct sockaddr_in *server,
	const struct fault *fault, struct ring *lines);
/* reset: both sides get RST instead of FIN. NULL is fine. */
void line_free(struct line *line, bool reset);
/* The fault changed: what it does once is done now. The line may be gone after it. */
void line_fault(struct line *line);
/* Some time passed: moves what became due. The line may be gone after it. */
void line_turn(struct line *line);

#endif
