/* publish_report.h - Kafka's delivery reports, between the loop, where they are told, and the
 * record.
 *
 * Threads: the scheduler's.  Memory: two bounded lists; a report that finds its list full is
 * forgotten, and its batch is found by the look-out for lost messages, as any without a report. */
#ifndef SCHEDULER_PUBLISH_REPORT_H
#define SCHEDULER_PUBLISH_REPORT_H

#include "ground/id.h"
#include "ports/stream/publisher.h"
#include "stores/queue.h"

enum { PUBLISH_REPORT_MAX = 512 };

struct published {
	struct id batch;
	int32_t jobs;
	char queue[QUEUE_NAME_MAX + 1];
	int32_t partition;
	int64_t offset;
};

struct publish_report {
	struct published delivered[PUBLISH_REPORT_MAX];
	size_t delivered_n;
	struct published failed[PUBLISH_REPORT_MAX];
	size_t failed_n;
};

/* A stream_delivered_fn; owner is the report. */
void publish_report_note(void *owner, const struct stream_delivery *delivery);
/* A message that was refused at once. */
void publish_report_fail(
	struct publish_report *report, struct id batch, const char *queue, size_t jobs);

#endif
