/* duty.h - the leader's duties, in one table.
 *
 * A duty does a bounded piece of work and says whether there is more. It runs
 * again after busy_ms then, else after idle_ms; and in any case not before rest
 * times as long as it took, so that a scan over a deep backlog costs a share of
 * the database and not all of it. To add a duty: write its run, add a row.
 *
 * Threads: the scheduler's. */
#ifndef SCHEDULER_DUTY_H
#define SCHEDULER_DUTY_H

#include "leader.h"

struct duty {
	const char *name; /* in the log */
	int64_t busy_ms, idle_ms;
	int64_t rest;
	/* ERR_LOST: the term is over; anything else is logged and tried again. */
	enum err (*run)(struct leader *leader, bool *ret_busy);
};

extern const struct duty duty_table[];
extern const size_t duty_count;

#endif
