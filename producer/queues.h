/* queues.h - the queues as every request sees them: names, settings, flow.
 *
 * Read from the record ten times a second by one thread and published as a whole
 * (a view that never changes and is counted). So a submit finds its queue without
 * a statement, a paused or full queue is known at once, and the part of the
 * allotment that this producer may publish to Kafka itself is counted down here.
 * A call that changes a queue asks for a fresh view before it answers.
 *
 * Threads: any.  Memory: counted views, at most 1000 queues each. */
#ifndef QUEUES_H
#define QUEUES_H

#include "record/record.h"
#include "stores/queue.h"

struct producer;
struct queues;

struct queue_view {
	struct queue queue; /* name points to name_text */
	char name_text[QUEUE_NAME_MAX + 1];
	_Atomic int64_t allot; /* what is left of it in this epoch */
};

struct queues_view {
	_Atomic unsigned holders;
	int64_t read_ms;
	size_t n;
	struct queue_view list[];
};

MUST_CHECK enum err queues_new(struct producer *producer, struct queues **ret_queues);
/* Begins to read, on the producer's loop. */
MUST_CHECK enum err queues_start(struct queues *q);
void queues_free(struct queues *q);

/* The newest view, held; NULL before the first. */
struct queues_view *queues_hold(struct queues *q);
void queues_view_release(struct queues_view *v);
/* NULL when no queue has this name. */
struct queue_view *queues_find(struct queues_view *v, const char *name);
/* NULL when there is none of this number; v may be NULL. It lives as long as v is held. */
const struct queue *queues_by_id(const struct queues_view *v, int32_t id);
/* Takes up to want from the allotment: so many jobs may be published by us. */
int64_t queues_allot_take(struct queue_view *q, int64_t want);
/* Why no job is taken now, as far as the last count tells: the record would refuse it.
 *   ERR_OK  it is taken   ERR_QUEUE_FULL  come again   ERR_QUEUE_DRAINING  none any more */
enum err queues_refusal(const struct queues_view *v, int32_t queue_id);
/* The record's ERR_QUEUE_FULL told apart; other errors are given back. */
enum err queues_refusal_told(struct queues *q, int32_t queue_id, enum err e);
/* When a caller who was refused may come again, in seconds: as long as what waits will take at the
 * rate it is worked off, within QUEUES_RETRY_MIN_S and _MAX_S; the longest when nothing moves. */
enum { QUEUES_RETRY_MIN_S = 1, QUEUES_RETRY_MAX_S = 300 };
int64_t queues_retry_after_s(struct queues *q, int32_t queue_id);
/* Reads again soon, after a change. Any thread. */
void queues_refresh(struct queues *q);
/* Takes rows that a call has just got, so that it sees its own change. */
void queues_learn(struct queues *q, const struct queue *changed);

extern const struct record_op queues_op;

#endif
