/* early.h - dispatch messages whose word came before them.
 *
 * Kafka takes about two milliseconds from a producer to a worker, Redis a few
 * tenths of one. A producer with few new jobs says a message's bytes on the channel of
 * the partition it went to (domain/live_channel.h), so exactly the worker that will
 * read the message hears them, and may claim at once. The message comes all the
 * same; when it does, what was claimed already is here, and it is done with.
 *
 * Nobody depends on it. A word that is lost, or comes where there is no room, is
 * the message's to bring; one that comes alone (its partition just moved) names
 * jobs that are claimed once, whoever asks first. A message comes within seconds or
 * comes anew for a reason: what is older is forgotten.
 *
 * Threads: one.  Memory: EARLY_BATCHES entries. */
#ifndef WORKER_EARLY_H
#define WORKER_EARLY_H

#include "ground/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EARLY_BATCHES = 256, EARLY_KEPT_MS = 10000 };

struct early {
	struct {
		struct id batch;
		int64_t until_ms; /* 0 = free */
	} list[EARLY_BATCHES];
	size_t next; /* the oldest, to be overwritten */
};

/* The claim of this batch's jobs was answered, and its message has not come. */
void early_add(struct early *e, struct id batch, int64_t now_ms);
/* Its message is here: was it claimed before? Says so once, so that a message that is sent again
 * later is read. */
bool early_take(struct early *e, struct id batch, int64_t now_ms);

#endif
