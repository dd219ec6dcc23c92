/* job_match.h - what a job is found by though it rests sealed: its metadata and its subject.
 *
 * Beside each sealed value goes a keyed hash, by which lists are narrowed and a subject's
 * jobs are found.
 *
 * Threads: the spec's owner.  Memory: the spec's. */
#ifndef JOBS_JOB_MATCH_H
#define JOBS_JOB_MATCH_H

#include "jobs/job_spec.h"

/* Takes all members into spec; mistakes are added to p. metadata may be NULL.
 * ERR_NOMEM, ERR_TOO_LARGE */
MUST_CHECK enum err job_match_metadata(
	struct job_spec *spec, const struct job_scene *scene, json_t *metadata, struct problems *p);
/* text NULL: the caller's own name. Names the data key, too. Errors as above. */
MUST_CHECK enum err job_match_subject(
	struct job_spec *spec, const struct job_scene *scene, const char *text, struct problems *p);

#endif
