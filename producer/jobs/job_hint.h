/* job_hint.h - what the writer of a refused job, or list, probably meant.
 *
 * Threads: pure.  Memory: the caller's. */
#ifndef JOBS_JOB_HINT_H
#define JOBS_JOB_HINT_H

#include "ports/json.h"

/* Adds the problem of an unknown kind, with those there are. */
void job_hint_kinds(struct problems *p);
/* Who wrote the upstream's request beside kind, not below input, is told where it belongs. */
void job_hint_misplaced(struct problems *p);
/* Who lists jobs by what a caller wrote into them is told where that may be asked. */
void job_hint_search(struct problems *p);

#endif
