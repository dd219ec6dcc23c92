/* job_values.h - the texts of a job that rest sealed.
 *
 * They are gathered while the body is read, side by side in the spec's one buffer,
 * each with room for what seals it. Its data key is known later, to whoever sends
 * the job to the record: then all are sealed where they stand.
 *
 * Threads: the spec's owner.  Memory: the spec's. */
#ifndef JOBS_JOB_VALUES_H
#define JOBS_JOB_VALUES_H

#include "jobs/job_spec.h"

/* ERR_NOMEM, ERR_TOO_LARGE */
MUST_CHECK enum err job_value_add(
	struct job_spec *spec, enum sealed_place place, const char *bytes, size_t len);
MUST_CHECK enum err job_value_add_json(
	struct job_spec *spec, enum sealed_place place, const json_t *value);
/* The submit's members point to them: once the buffer moves no more. */
void job_values_point(struct job_spec *spec);
/* Seals all by spec->key. ERR_SEALING: it does not open here. */
MUST_CHECK enum err job_values_seal(struct job_spec *spec, struct keyring *ring);

#endif
