/* deadline.h - time does things to jobs: what is due becomes ready, what is late expires.
 *
 * Threads: the scheduler's. */
#ifndef SCHEDULER_DEADLINE_H
#define SCHEDULER_DEADLINE_H

#include "leader.h"

/* A page of job_due rows to job_ready; busy when there were any: where one was, more come. */
MUST_CHECK enum err deadline_due(struct leader *leader, bool *ret_busy);
/* A page each of ready and of running jobs whose deadline has passed; busy when one was full. */
MUST_CHECK enum err deadline_expire(struct leader *leader, bool *ret_busy);

#endif
