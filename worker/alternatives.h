/* alternatives.h - who may answer a job: its own model's upstreams, then those of its fallback
 * models.
 *
 * The list is the same for each attempt; which place of it an attempt takes follows
 * from the attempt's number, so that a job which failed at one upstream asks the
 * next, wherever it runs then. The job's "fallback" is read in its order:
 *
 *   {"model": M}    M's upstreams come next
 *   {"cache": true} passed over: this release keeps no answers
 *   {"wait": true}  the end: what stands behind it is never reached, because a job
 *                   that waits begins with its own model again
 *
 * Once readers saw text of a model, its upstreams are all there is: what another one
 * goes on with is no answer to what they read.
 *
 * Threads: the loop's.  Memory: names point into the job's and the configuration's;
 * use them before the next turn. */
#ifndef WORKER_ALTERNATIVES_H
#define WORKER_ALTERNATIVES_H

#include "ports/json.h"
#include "upstreams/upstream.h"

struct job;

enum { ALTERNATIVES_MAX = 128 };

struct alternative {
	const char *model; /* ours: the job's, or a fallback's; NULL = none */
	struct candidate candidate;
};

struct alternatives {
	json_t *fallback; /* keeps the names */
	size_t n;
	struct alternative list[ALTERNATIVES_MAX];
};

/* ERR_NO_UPSTREAM: nobody serves any of its models. ERR_NOMEM. Clear in any case. */
MUST_CHECK enum err alternatives_gather(const struct job *job, struct alternatives *ret);
void alternatives_clear(struct alternatives *a);

#endif
