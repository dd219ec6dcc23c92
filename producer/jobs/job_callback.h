/* job_callback.h - whom a job's end is told: the member callback.
 *
 * Only origins on the tenant's list are called, by https unless webhook.allow_http.
 *
 * Threads: the spec's owner.  Memory: the spec's. */
#ifndef JOBS_JOB_CALLBACK_H
#define JOBS_JOB_CALLBACK_H

#include "jobs/job_spec.h"

/* Takes the address and the events into spec; mistakes are added to p. callback NULL: none was
 * given. ERR_NOMEM, ERR_TOO_LARGE */
MUST_CHECK enum err job_callback_read(struct job_spec *spec, const struct job_scene *scene,
	const json_t *callback, struct problems *p);

#endif
