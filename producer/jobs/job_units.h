/* job_units.h - how large a job is, as far as its body tells: what its tenant's turn pays.
 *
 * Thousands of tokens, at least 1: the input at four bytes a token, and the output
 * as far as the caller bounds it (max_tokens and its like). Without a bound the
 * output counts nothing, so that ordinary jobs are all one unit and turns are turns
 * of jobs. What a job may cost is another question: job_cost.h.
 *
 * Threads: pure. */
#ifndef JOBS_JOB_UNITS_H
#define JOBS_JOB_UNITS_H

#include "ports/json.h"

#include <stddef.h>
#include <stdint.h>

enum { JOB_UNITS_MAX = 100000 };

/* bytes: of the input as it was sent. */
int32_t job_units(const json_t *input, size_t bytes);

#endif
