/* answer.h - one model call being answered, in time and as badly as was asked.
 *
 * An answer is a straight line: wait ttft, then the head, then chunks one wait
 * apart, then the end; or one body after all those waits. What shall go wrong is
 * looked up at each step. Deadlines are absolute, so a late turn does not stretch
 * a stream. An answer that does not fit the socket waits for the reader.
 *
 * Threads: the server's.  Memory: answer_free also ends the call's log row. */
#ifndef SIMULATOR_ANSWER_H
#define SIMULATOR_ANSWER_H

#include "simulator/dialect.h"
#include "simulator/server.h"

struct answer {
	struct timer timer; /* first: the heap's pointers are answers */
	struct conn *conn;
	const struct dialect *dialect;
	struct reply reply;
	uint64_t call; /* its number in the log */
	uint64_t seed;
	uint64_t waits;	 /* how many were taken, for the jitter */
	double mischief; /* how much of it was sent */
	struct quota_left left;
	bool begun;
	bool headed; /* drip: the reply is whole in dripping and leaves byte by byte */
	struct buf dripping;
};

/* Reads the body and begins; a request that is wrong is answered at once. */
void answer_start(
	struct server *s, struct conn *c, const struct dialect *d, const struct request *r);
/* Its timer is due, or its output is gone. */
void answer_step(struct server *s, struct answer *a);
/* Calls answer_step again in the next turn. */
void answer_again(struct server *s, struct answer *a);
/* The reply is complete, or shall break here. */
void answer_end(struct server *s, struct answer *a, enum outcome outcome, int status);
/* hung_up: the client left before the end. */
void answer_free(struct server *s, struct answer *a, bool hung_up);

#endif
