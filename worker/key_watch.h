/* key_watch.h - which epochs' keys this worker holds, told to the record, and what it says.
 *
 * Until the active epoch is held nothing is claimed (worker.c:worker_free_slots): what a job
 * writes could not be sealed.
 *
 * Threads: the loop's.  Memory: fixed. */
#ifndef WORKER_KEY_WATCH_H
#define WORKER_KEY_WATCH_H

#include "ground/err.h"

struct key_watch;
struct worker;

MUST_CHECK enum err key_watch_new(struct worker *w, struct key_watch **ret_watch);
/* After the connections are closed. NULL is fine. */
void key_watch_free(struct key_watch *k);

#endif
