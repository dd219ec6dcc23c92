/* live_text.h - what Redis has of a running job's text, a page at a time.
 *
 * Each entry is one delta: its number, and its text as the worker sealed it
 * (domain/live_channel.h).
 *
 * Threads: the loop of live.h.  Memory: an entry's bytes live as long as its reply. */
#ifndef JOBS_LIVE_TEXT_H
#define JOBS_LIVE_TEXT_H

#include "ground/id.h"
#include "ports/scratch.h"

/* A page that has so many is not the last. */
#define LIVE_TEXT_PAGE 1000

struct live_entry {
	int64_t number;
	const char *sealed; /* NULL: this is no entry of a worker's */
	size_t len;
};

/* Asks for the deltas from this number on, by number; fn is told as by scratch_send. ERR_SCRATCH:
 * Redis is away, or none is configured (NULL). ERR_NOMEM. */
MUST_CHECK enum err live_text_ask(
	struct scratch *redis, struct id job, int64_t from, scratch_reply_fn *fn, void *owner);
/* The i-th of a page that has scratch_count(reply) of them. */
struct live_entry live_text_entry(const struct scratch_reply *reply, size_t i);

#endif
