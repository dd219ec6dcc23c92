/* tally.h - what ended lately, for one log line a second instead of one for each job.
 *
 * Threads: the loop's. */
#ifndef WORKER_TALLY_H
#define WORKER_TALLY_H

#include "stores/finish.h"

struct tally {
	int64_t since_ms; /* clock_ms; 0 = nothing counted yet */
	int64_t n;
	int64_t by_state[JOB_STATES];
	int64_t output_tokens;
};

void tally_add(struct tally *t, const struct finish *end);
/* Logs the line when it is due. */
void tally_tell(struct tally *t);

#endif
