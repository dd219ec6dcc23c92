/* publisher.h - sends dispatch messages, and learns where they landed.
 *
 * acks=all, no linger, no compression, three seconds to succeed. Not idempotent: doubles
 * are harmless (a message is a hint), while an idempotent producer becomes
 * fatally wrong when somebody wipes a topic. Each message ends in exactly one
 * delivery: the partition and offset it got, or ERR_STREAM.
 *
 * Threads: publish from any thread. Deliveries are handed out on the loop's thread.
 * Memory: messages are copied; at most 100,000 (librdkafka's own bound) wait. */
#ifndef PORTS_STREAM_PUBLISHER_H
#define PORTS_STREAM_PUBLISHER_H

#include "ground/err.h"
#include "ports/stream/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct stream_publisher;

struct stream_delivery {
	enum err err;	   /* ERR_OK, or ERR_STREAM: not known to be stored */
	const char *queue; /* topic without prefix; valid during the callback, as bytes are */
	int32_t partition;
	int64_t offset;
	const void *bytes; /* the message itself, so that its batch id need not be kept apart */
	size_t len;
};
typedef void stream_delivered_fn(void *owner, const struct stream_delivery *delivery);

/* fn may be NULL.
 *   ERR_CONFIG  a setting librdkafka refuses     ERR_NOMEM, ERR_SYSTEM
 * A broker that is away is no error: it is tried for as long as the publisher lives. */
MUST_CHECK enum err stream_publisher_open(struct loop *loop, const struct stream_settings *settings,
	stream_delivered_fn *fn, void *owner, struct stream_publisher **ret_publisher);
/* Waits at most wait_ms for what is under way, hands out no more deliveries, frees. NULL is fine.
 * Call before loop_free. */
void stream_publisher_close(struct stream_publisher *publisher, int wait_ms);

/* Sends to one partition of a queue's topic, -1 = any. Never blocks. ret_partition (NULL: not
 * asked) is the one it goes to, -1 where that is not known yet, as of a topic's first message.
 *   ERR_STREAM  refused at once (too many waiting, or too large); there will be no delivery */
MUST_CHECK enum err stream_publisher_send(struct stream_publisher *publisher, const char *queue,
	int32_t partition, const void *bytes, size_t len, int32_t *ret_partition);

/* False from the moment a delivery failed or all brokers went away, until the next success. Any
 * thread. */
bool stream_publisher_up(const struct stream_publisher *publisher);
/* Up; or down, and nobody has tried for a second: whoever is told so sends one message, and its
 * delivery is the news. Without such tries a publisher stays down for ever. Any thread. */
bool stream_publisher_worth_a_try(struct stream_publisher *publisher);
/* Kafka was seen to answer by other means (admin.h): up again, until a delivery says otherwise. */
void stream_publisher_mark_up(struct stream_publisher *publisher);

#endif
