/* story_call.h - whom an attempt called, or waits to call, and what its time went into.
 *
 * Threads: pure.  Memory: JSON is the caller's. */
#ifndef CLI_STORY_CALL_H
#define CLI_STORY_CALL_H

#include "domain/job.h"
#include "ports/json.h"

/* Upstream, key, model, what held it back, and whom it called instead of the attempt before (last;
 * NULL = there is none). */
json_t *story_call_fields(const json_t *last, const json_t *attempt);
/* What it waited for before its call, in the API's word for a job's wait: JOB_WAIT_NONE where that
 * is not known. */
enum job_wait story_call_wait(const json_t *attempt);

#endif
