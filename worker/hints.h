/* hints.h - dispatch messages that this worker knows of, until what they name was asked for.
 *
 * A message comes from Kafka, or a word of it comes before (early.h): the same bytes,
 * by Redis. Then the hint exists without its message, which joins it when it comes,
 * or is done with at once when the hint has ended by then.
 *
 * Threads: the loop's.  Memory: hints belong to the list; bounded by slots, as none is
 * taken without room for it. */
#ifndef WORKER_HINTS_H
#define WORKER_HINTS_H

#include "domain/dispatch_message.h"
#include "early.h"
#include "ground/ring.h"
#include "ports/stream/consumer.h"

struct loop;

/* Its claims may be several when slots are few. */
struct hint {
	struct ring link;
	struct stream_message message; /* no handle: only its early word came so far */
	struct dispatch_message view;
	size_t at;    /* keys before it were claimed, or are being claimed */
	size_t asked; /* claims under way for it */
	char early[]; /* the word: its bytes, then the queue's name */
};

struct hints {
	struct loop *loop;
	struct stream_consumer *consumer; /* NULL: no Kafka is configured */
	struct ring list;
	struct early early;
};

void hints_init(struct hints *h, struct loop *loop);
/* Messages go back undone. */
void hints_clear(struct hints *h);
/* The first hint with keys that nobody asks for yet, of a queue that is wanted; NULL when there is
 * none, in Kafka neither. A message that makes no sense is done with. */
struct hint *hints_next(struct hints *h, stream_wanted_fn *wanted, void *owner);
/* A word of a message that Kafka will bring. False: it makes no sense, names more jobs than there
 * is room for, or is known; then there is nothing new to ask for. */
bool hints_hear(struct hints *h, const char *queue, const char *bytes, size_t len, size_t room);
/* Its claims were answered: its message, when it is here, is done. Frees the hint. */
void hints_end(struct hints *h, struct hint *hint);

#endif
