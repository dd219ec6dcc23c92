/* job_rights.h - may the caller hand in this job? Asked once it is known what it is.
 *
 * Queue, priority, model and cost are conditions of job:submit, asked for the job's model
 * and for each that may answer in its place; a callback and another person's name as
 * subject are permissions of their own.
 *
 * Threads: pure.  Memory: nothing is kept. */
#ifndef JOBS_JOB_RIGHTS_H
#define JOBS_JOB_RIGHTS_H

#include "jobs/job_spec.h"

/* spec as job_spec_read fills it, its body still there. False: p says what was needed, and
 * spec->lacks of which permission. */
bool job_rights_allow(struct job_spec *spec, const struct job_scene *scene, struct problems *p);

#endif
