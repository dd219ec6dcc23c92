/* pools.h - how many jobs of each queue this worker holds, and how many more it may.
 *
 * Slots belong to no queue; what keeps one queue from taking them all is the
 * reserve (domain/reserve.h). A claim under way counts as if all that it asked for
 * were held.
 *
 * Threads: the loop's.  Memory: embedded; POOLS_MAX queues, the most there can be. */
#ifndef WORKER_POOLS_H
#define WORKER_POOLS_H

#include "stores/lease.h"
#include "stores/queue.h"
#include "stores/worker_row.h"

#include <stddef.h>
#include <stdint.h>

enum { POOLS_MAX = 1000 };

struct pool {
	int32_t queue_id;
	int32_t weight;
	char name[QUEUE_NAME_MAX + 1];
	size_t held;	 /* jobs */
	size_t asked;	 /* by claims under way */
	int64_t started; /* and not told yet */
	int64_t telling; /* of them, those that a beat under way tells */
};
struct pools {
	struct pool list[POOLS_MAX];
	size_t n;
};

/* The queues that give work now; what is held of others stays counted. A paused one needs no
 * room, and a single one no choice among queues, which costs the record three times as much. */
void pools_serve(struct pools *pools, const struct queue *const *queues, size_t n);
/* NULL when it is not known. */
const struct pool *pools_find_name(const struct pools *pools, const char *name);
const struct pool *pools_find(const struct pools *pools, int32_t queue_id);
void pools_hold(struct pools *pools, int32_t queue_id);
void pools_release(struct pools *pools, int32_t queue_id);
/* How many of the free slots (of slots in all) this pool may fill; one that is not known yet (NULL)
 * may fill them all. */
size_t pools_room(
	const struct pools *pools, const struct pool *pool, size_t slots, size_t free_slots);

/* A claim under way asks for n jobs of a queue; it was answered. */
void pools_ask(struct pools *pools, const char *queue, size_t n);
void pools_answer(struct pools *pools, const char *queue, size_t n);
/* The same for a claim from the tables, which may take all the room of all: what each holds and may
 * take; returns how many loads, 0 with a single queue. */
size_t pools_ask_loads(struct pools *pools, size_t slots, size_t free_slots,
	struct claim_load ret_loads[POOLS_MAX]);
void pools_answer_loads(struct pools *pools, const struct claim_load *loads, size_t n);

/* What was started, for a beat (the record learns how fast queues are worked off). At most max. */
size_t pools_tell(struct pools *pools, struct worker_begun *begun, size_t max);
/* The beat was acknowledged. */
void pools_told(struct pools *pools);

#endif
