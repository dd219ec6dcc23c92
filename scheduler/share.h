/* share.h - a capped queue's slots, divided among the workers.
 *
 * The cap is fleet-wide and derived from live leases: what a worker holds is its
 * already; the rest goes round robin to workers that have free slots, so that no
 * worker starves while another sits on grants it cannot use. The sum never exceeds
 * the cap by more than what is held already.
 *
 * Threads: pure.  Memory: the caller's arrays. */
#ifndef SCHEDULER_SHARE_H
#define SCHEDULER_SHARE_H

#include <stddef.h>
#include <stdint.h>

struct share {
	int32_t slots_free; /* the worker's, whatever the queue */
	int32_t held;	    /* leases of this queue */
	int32_t granted;    /* told: how many it may hold in all */
};

/* turn: where to start, so that a small rest does not always go to the same ones. */
void share_plan(struct share *shares, size_t n, int32_t cap, size_t turn);

#endif
