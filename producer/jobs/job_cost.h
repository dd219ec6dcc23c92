/* job_cost.h - what one call for a job costs at most, as far as its body bounds it.
 *
 * A ceiling (rule.h, cost<=) must hold whatever the model answers. So output counts as far
 * as the member of the input bounds it that the job's kind goes by, times the answers asked
 * for (n). A member that only another kind's API reads bounds nothing. Output that is not
 * bounded is not known, and neither is its cost, unless it is free: what is not known fulfils
 * no rule that allows.
 *
 * Input is estimated, at four bytes a token of its text as it was sent (domain/usage.h). What an
 * upstream fetches or adds by itself is not seen here.
 *
 * Threads: pure.  Memory: values. */
#ifndef JOBS_JOB_COST_H
#define JOBS_JOB_COST_H

#include "ports/json.h"

#include <stddef.h>
#include <stdint.h>

struct config;

enum { JOB_COST_UNBOUNDED = -1 };

struct job_tokens {
	int64_t input;
	int64_t output; /* JOB_COST_UNBOUNDED: as many as the model likes */
};

/* kind: its name; NULL is fine. bytes: of the input as it was sent. */
struct job_tokens job_tokens_of(const char *kind, const json_t *input, size_t bytes);

/* In nano-dollars, each direction at its own price today, at the dearest of all upstreams.
 * RULE_UNKNOWN: not bounded, or no upstream is configured for what needs one. */
int64_t job_cost_nano(const struct config *config, const char *model, struct job_tokens tokens);

#endif
