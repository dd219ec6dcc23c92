/* origins.h - how many deliveries are under way to each receiver.
 *
 * One receiver that hangs must not hold all slots: each origin has a cap, and what
 * is over it goes back to the record for a while.
 *
 * Threads: the loop's.  Memory: at most as many origins as there are slots. */
#ifndef WORKER_DELIVERY_ORIGINS_H
#define WORKER_DELIVERY_ORIGINS_H

#include "ground/err.h"

#include <stdbool.h>
#include <stddef.h>

struct origins;

MUST_CHECK enum err origins_new(size_t slots, struct origins **ret_origins);
void origins_free(struct origins *origins);
/* Takes one of the origin's places. False when cap are taken, or memory is out. */
bool origins_enter(struct origins *origins, const char *origin, size_t cap);
/* Gives it back. */
void origins_leave(struct origins *origins, const char *origin);

#endif
