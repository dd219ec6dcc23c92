/* recall.h - jobs that were parked come sooner, where there is leave to spare.
 *
 * Lines that could go on (upstreams/permit_spare.h) are named to the record, all in
 * one statement; their first jobs are due then, and come to whichever worker is free.
 * One statement is under way at a time, at most five a second, none without need. An
 * answer that never comes costs nothing: parked jobs have their own time.
 *
 * Threads: the loop's.  Memory: one. */
#ifndef WORKER_RECALL_H
#define WORKER_RECALL_H

#include "ground/err.h"

struct recall;
struct worker;

/* ERR_NOMEM */
MUST_CHECK enum err recall_new(struct worker *worker, struct recall **ret_recall);
/* After the worker's connections. NULL is fine. */
void recall_free(struct recall *recall);
/* Several times a second. */
void recall_turn(struct recall *recall);

#endif
