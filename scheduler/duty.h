/* duty.h - the leader's duties, in one table.
 *
 * A duty does a bounded piece of work and says whether there is more. It runs
 * again after its busy pace then, else after its idle one; and in any case not
 * before rest times as long as it took, so that a scan over a deep backlog costs a
 * share of the database and not all of it. A pace is a key of the configuration or,
 * where nobody needs to turn it, a number. To add a duty: write its run, add a row.
 *
 * Threads: the scheduler's. */
#ifndef SCHEDULER_DUTY_H
#define SCHEDULER_DUTY_H

#include "leader.h"

struct pace {
	int64_t ms;
	size_t key; /* offset in struct config of an int64_t; 0 = ms counts */
};

struct duty {
	const char *name; /* in the log */
	struct pace busy, idle;
	int64_t rest;
	/* ERR_LOST: the term is over; anything else is logged and tried again. */
	enum err (*run)(struct leader *leader, bool *ret_busy);
};

extern const struct duty duty_table[];
extern const size_t duty_count;

/* How long until a duty that took so long runs again. */
int64_t duty_pause_ms(
	const struct duty *duty, const struct config *config, bool busy, int64_t took_ms);

#endif
