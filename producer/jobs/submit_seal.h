/* submit_seal.h - the values of a batch of submits are sealed before they are sent.
 *
 * Each by its subject's data key. Those that this process does not know are put into the
 * record, or read from it, whatever their number (stores/subject_key.h).
 *
 * Threads: the lane's.  Memory: the specs' own; a value is sealed where it stands. */
#ifndef JOBS_SUBMIT_SEAL_H
#define JOBS_SUBMIT_SEAL_H

#include "jobs/job_spec.h"
#include "producer.h"

typedef void submit_sealed_fn(void *ctx, enum err e);

/* Seals all that are not sealed yet; a spec is sealed once, however often it is sent.
 *   ERR_OK  done is called exactly once, before this returns when all keys are known
 *   else    nothing was begun, done is not called */
MUST_CHECK enum err submit_seal(struct producer *p, struct db *db, struct job_spec *const *specs,
	size_t n, submit_sealed_fn *done, void *ctx);
/* The batch is committed, and with each job that was taken the key that sealed it: from now on this
 * process knows it. Until then a Postgres that crashes may lose a new key, and whoever seals by it
 * after that seals for ever. */
void submit_seal_committed(
	struct producer *p, const struct db *db, struct job_spec *const *specs, size_t n);

#endif
