/* live_tail.h - who hears, delta by delta, what a running job's model writes.
 *
 * Event streams follow a job's channel on Redis; each piece comes with its number
 * (domain/live_channel.h).
 *
 * Threads: the producer's loop.  Memory: a tail belongs to whoever follows and must live
 * until it left. */
#ifndef JOBS_LIVE_TAIL_H
#define JOBS_LIVE_TAIL_H

#include "ground/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIVE_TAILS_BUCKETS = 8192 };

struct scratch;

typedef void live_tail_fn(void *owner, int64_t number, const char *text, size_t len);
struct live_tail {
	struct live_tail *next;
	struct id job;
	live_tail_fn *fn;
	void *owner;
	bool following;
};

struct live_tails {
	struct scratch *follower; /* NULL: there is no Redis */
	struct live_tail *buckets[LIVE_TAILS_BUCKETS];
};

/* Without Redis, or memory, it does not follow; the record tells later. */
void live_tail_follow(struct live_tails *tails, struct live_tail *tail);
void live_tail_leave(struct live_tails *tails, struct live_tail *tail);
/* A message came. False: its channel is not a job's. */
bool live_tails_message(
	struct live_tails *tails, const char *channel, const char *bytes, size_t len);

#endif
