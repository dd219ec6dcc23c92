/* job_units.h - how large a job is, as far as its body tells: what its tenant's turn pays.
 *
 * Thousands of tokens, at least 1: the input at four bytes a token, and the output
 * as far as the caller bounds it (max_tokens and its like). Without a bound the
 * output counts nothing, so that ordinary jobs are all one unit and turns are turns
 * of jobs.
 *
 * Threads: pure. */
#ifndef JOBS_JOB_UNITS_H
#define JOBS_JOB_UNITS_H

#include "ports/json.h"

#include <stddef.h>
#include <stdint.h>

struct config;

enum { JOB_UNITS_MAX = 100000 };

/* bytes: of the input as it was sent. */
int32_t job_units(const json_t *input, size_t bytes);

/* What so many units cost at most, in nano-dollars: all of them at the dearer of the two prices of
 * the dearest upstream, today. RULE_UNKNOWN: no upstream is configured. */
int64_t job_cost_nano(const struct config *config, const char *model, int32_t units);

#endif
