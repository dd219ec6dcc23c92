/* parts.h - the partitions that a member of the group holds: each its own queue, and how far it is.
 *
 * A partition's queue is cut off from its client's, so that it is ours to read one message at a
 * time. What is done is told to the group by offsets that we name: of those that librdkafka stores
 * itself it sends none that is lower than what the group had, and after a reset beyond the end
 * that would be said for ever.
 *
 * Threads: one.  Memory: a table that grows, freed by parts_clear. */
#ifndef PORTS_STREAM_PARTS_H
#define PORTS_STREAM_PARTS_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct part {
	char *topic;
	int32_t partition;
	rd_kafka_queue_t *queue;
	int64_t taken; /* the last one; -1 = none since it was given to us */
	int64_t next;  /* beyond the newest of them that is done; -1 = none */
	int64_t told;  /* what of that the group acknowledged */
};

/* Zeroed = none. */
struct parts {
	struct part *list;
	size_t n, room;
};

/* One more, whose queue is cut off from now on; until the next one is added or removed. NULL: no
 * memory. */
struct part *parts_add(
	struct parts *parts, rd_kafka_t *client, const char *topic, int32_t partition);
/* NULL: it is not held. */
struct part *parts_find(struct parts *parts, const char *topic, int32_t partition);
void parts_remove(struct parts *parts, struct part *part);
void parts_clear(struct parts *parts);

/* The next message, errors passed over; the caller's to destroy. NULL: none lies there. */
rd_kafka_message_t *part_take(struct part *part);
/* The message at offset is done. False: it belongs to what was read before somebody set the
 * offsets back. */
bool part_done(struct part *part, int64_t offset);

/* What is done and not acknowledged, to be committed; the caller's to destroy. NULL: no memory. */
rd_kafka_topic_partition_list_t *parts_outstanding(const struct parts *parts);
/* What the group says it took. */
void parts_acknowledge(struct parts *parts, const rd_kafka_topic_partition_list_t *offsets);

#endif
