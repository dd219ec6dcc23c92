/* consumer.h - takes dispatch messages, no faster than there are free slots.
 *
 * A member of the group keeps polling, whatever it is doing, so that the group
 * never waits for it; but messages stay in their partition's own queue until the
 * worker takes them, one by one, round robin over its partitions. The dispatch
 * window bounds how many there are. After the claim (not after the job!) the
 * message is done and its offset committed; commits are joined: one in flight,
 * the next carries all that came meanwhile. A commit that fails, as each does
 * during a rebalance, is repeated by the next one: doubles are harmless. Offsets
 * that others set are followed, backwards too; beyond the end they mean the earliest.
 *
 *   session 6 s, heartbeat 1 s, poll 15 s, cooperative-sticky, offsets from the earliest.
 *
 * Threads: all calls on the loop's thread; ready_fn runs there.
 * Memory: a taken message is the caller's until done or drop. */
#ifndef PORTS_STREAM_CONSUMER_H
#define PORTS_STREAM_CONSUMER_H

#include "ground/err.h"
#include "ports/stream/settings.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct stream_consumer;

struct stream_message {
	const char *queue; /* topic without prefix */
	int32_t partition;
	int64_t offset;
	const void *bytes;
	size_t len;
	void *handle; /* the port's own */
};

/* Something may be there to take. Runs when messages arrive, not while they lie there: a worker
 * that stopped taking for want of slots takes again by itself when slots get free. */
typedef void stream_ready_fn(void *owner);

/* A partition of this queue is read from now on, or no longer. */
typedef void stream_part_fn(void *owner, const char *queue, int32_t partition, bool held);

/* Joins group. As with the publisher, an absent broker is not an error.
 *   ERR_CONFIG, ERR_NOMEM, ERR_SYSTEM */
MUST_CHECK enum err stream_consumer_open(struct loop *loop, const struct stream_settings *settings,
	const char *group, stream_ready_fn *fn, void *owner, struct stream_consumer **ret_consumer);
/* Tells of partitions from now on, to the owner of ready_fn; before the first subscribe. */
void stream_consumer_tell_parts(struct stream_consumer *consumer, stream_part_fn *fn);
/* Leaves the group (so that nobody waits for a ghost), at most wait_ms, then frees. All taken
 * messages must be done or dropped before. Call before loop_free. NULL is fine. */
void stream_consumer_close(struct stream_consumer *consumer, int wait_ms);

/* Consumes exactly these queues from now on; the same list again costs nothing but a look, and a
 * queue whose topic is not there yet is found when it appears. ERR_STREAM, ERR_NOMEM */
MUST_CHECK enum err stream_consumer_subscribe(
	struct stream_consumer *consumer, const char *const *queues, size_t n);

/* May a message of this queue be taken now? */
typedef bool stream_wanted_fn(void *owner, const char *queue);
/* The next message of a queue that is wanted (NULL: any), if one is here. Never waits. Those of
 * other queues stay, and nothing waits behind them. */
bool stream_consumer_take(struct stream_consumer *consumer, stream_wanted_fn *wanted, void *owner,
	struct stream_message *ret_message);
/* Claimed (or useless): its offset will be committed. Frees the message. */
void stream_consumer_done(struct stream_consumer *consumer, struct stream_message *message);
/* Frees the message without committing it: the dispatcher finds what it named by other means. */
void stream_consumer_drop(struct stream_consumer *consumer, struct stream_message *message);

/* Partitions held now; 0 also while the broker is away or a rebalance runs. */
size_t stream_consumer_partitions(const struct stream_consumer *consumer);

#endif
