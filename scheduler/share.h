/* share.h - a capped queue's slots, divided among the workers.
 *
 * The cap is fleet-wide and derived from live leases: what a worker holds is its
 * already; the rest goes round robin to workers that have free slots, so that no
 * worker starves while another sits on grants it cannot use.
 *
 * A worker may fill what it was told at any moment, so what stands in the record is
 * spoken for until it is taken back there: a plan lowers at once, and gives to others
 * what is free already. What it lowers goes round in the plan after it. So all that is
 * told or held never exceeds the cap by more than what was held already.
 *
 * Threads: pure.  Memory: the caller's arrays. */
#ifndef SCHEDULER_SHARE_H
#define SCHEDULER_SHARE_H

#include <stddef.h>
#include <stdint.h>

struct share {
	int32_t slots_free; /* the worker's, whatever the queue */
	int32_t held;	    /* leases of this queue */
	int32_t told;	    /* how many it may hold in all, by the record; less than 1: none */
	int32_t granted;    /* how many it is to be told */
};

/* turn: where to start, so that a small rest does not always go to the same ones. */
void share_plan(struct share *shares, size_t n, int32_t cap, size_t turn);

#endif
