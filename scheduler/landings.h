/* landings.h - deliveries between the loop, where they are told, and the record.
 *
 * Threads: the scheduler's.  Memory: a bounded list; a landing that finds it full is forgotten,
 * and its batch is found by the look-out for lost ones, as any without a report. */
#ifndef SCHEDULER_LANDINGS_H
#define SCHEDULER_LANDINGS_H

#include "ground/id.h"
#include "ports/stream/publisher.h"
#include "stores/queue.h"

enum { LANDINGS_MAX = 512 };

struct landing {
	struct id batch;
	int32_t jobs;
	char queue[QUEUE_NAME_MAX + 1];
	int32_t partition;
	int64_t offset;
};

struct landings {
	struct landing landed[LANDINGS_MAX];
	size_t landed_n;
	struct landing failed[LANDINGS_MAX];
	size_t failed_n;
};

/* A stream_delivered_fn; owner is the landings. */
void landings_note(void *landings, const struct stream_delivery *delivery);
/* A message that was refused at once. */
void landings_fail(struct landings *landings, struct id batch, const char *queue, size_t jobs);

#endif
