/* scaling.h - how many slots the work there is could use: the figure to scale workers by.
 *
 * What runs, plus what could run at once if there were room: ready jobs, as far as
 * their queue's cap and rate allow them, and none of a paused queue. It does not
 * depend on how many workers there are, so following it cannot swing: arrivals times
 * time in service is what it settles at (Little's law), with the backlog on top while
 * there is one. Lag or age say that there are too few workers, never how many are
 * enough; utilisation stands at one from the first worker too few on.
 *
 * An autoscaler divides it by what a worker may hold, say workers =
 * ceil(wanted / (0.8 * worker.slots)).
 *
 * Threads: pure.  Memory: values. */
#ifndef DOMAIN_SCALING_H
#define DOMAIN_SCALING_H

#include <stdbool.h>
#include <stdint.h>

struct scaling_queue {
	int64_t ready, running;
	int64_t concurrency; /* fleet-wide; 0 = no cap */
	double rate;	     /* starts a second; 0 = no limit */
	bool paused;
};

/* One queue's share of the figure. */
int64_t scaling_slots_wanted(const struct scaling_queue *queue);

#endif
