/* reseal.h - the leader's walk that seals what was stored before there were keys.
 *
 * The walk itself, whose right it is and when it is over: stores/reseal.h. Here a page's
 * values are sealed: a job's by its subject's data key, which is made where there is
 * none, a tenant's settings by its own. A data key that does not open here (its epoch's key
 * is missing) stops the walk at its page: the duty fails, and says so, until the key is here.
 *
 * Threads: the scheduler's.  Memory: a page's values for one turn, wiped. */
#ifndef SCHEDULER_RESEAL_H
#define SCHEDULER_RESEAL_H

#include "leader.h"

/* A duty: a page. */
enum err reseal_run(struct leader *leader, bool *ret_busy);

#endif
