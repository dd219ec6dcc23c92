/* scratch_channels.h - which channels a connection follows, and how often. For scratch.c only.
 *
 * Kept apart from the connection because they outlive it: after a reconnect all
 * are followed again.
 *
 * Threads: one owner.  Memory: scratch_channels_clear frees. */
#ifndef PORTS_SCRATCH_CHANNELS_H
#define PORTS_SCRATCH_CHANNELS_H

#include "ground/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { SCRATCH_CHANNELS_MAX = 65536, SCRATCH_CHANNEL_BUCKETS = 4096 };

struct scratch_channel {
	struct scratch_channel *next;
	unsigned followers;
	char name[];
};

struct scratch_channels {
	struct scratch_channel *buckets[SCRATCH_CHANNEL_BUCKETS];
	size_t n;
};

/* *ret_first: nobody followed it before. ERR_NOMEM, ERR_TOO_LARGE. */
MUST_CHECK enum err scratch_channels_add(
	struct scratch_channels *c, const char *name, bool *ret_first);
/* True when the last follower left. */
bool scratch_channels_drop(struct scratch_channels *c, const char *name);
void scratch_channels_clear(struct scratch_channels *c);

#endif
