/* window.h - how many jobs of each queue may be on their way at once.
 *
 * A log cannot be reordered, so little is put into it: what is dispatched and not
 * yet claimed stays within the slots that are free and a few percent of all slots
 * on top, the look-ahead that spares a worker the wait for the next round. Queues
 * that want more than there is share it by weight; what one does not need goes to
 * the others. A capped queue never gets more than its cap leaves, with the same
 * look-ahead.
 *
 * With more than one queue none gets all: the others' reserve stays free
 * (domain/reserve.h), whatever hangs.
 *
 * A queue with a rate gets no more than its allowance, and nothing of it goes to
 * producers: every start is the leader's then.
 *
 * What the plan leaves over, producers may publish themselves (the allotment), in
 * queues where nothing older waits: there, order is not at stake.
 *
 * Threads: pure.  Memory: the caller's arrays. */
#ifndef SCHEDULER_WINDOW_H
#define SCHEDULER_WINDOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct window {
	/* as seen */
	int32_t weight;	    /* at least 1 */
	int32_t cap;	    /* fleet-wide running jobs; 0 = none */
	int64_t running;    /* live leases */
	int64_t dispatched; /* marked and unclaimed */
	int64_t depth;	    /* ready and unmarked */
	bool paused;
	int64_t allowance; /* what its rate leaves for now; INT64_MAX = no rate */
	/* as planned */
	int64_t pick;  /* to be dispatched now */
	int64_t allot; /* for the producers */
};

/* slots: of all live workers; running: all live leases, also of queues not listed. */
void window_plan(
	struct window *windows, size_t n, int64_t slots, int64_t running, int64_t extra_percent);

/* How many jobs one message should carry, so that every worker gets some: 1..max. */
size_t window_batch(int64_t pick, int64_t workers, size_t max);

#endif
