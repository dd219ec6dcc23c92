/* plan.h - what a load generator shall submit, and when: read before the clock starts.
 *
 * A plan is a text, a job a line, in order of time:
 *
 *   AT_US KEY FOLLOW PROMPT_BYTES MAX_TOKENS MODEL
 *
 * AT_US counts from the start, KEY is the number of the tenant's key, FOLLOW 1 opens
 * the job's event stream as soon as it is accepted. The prompt is made up of words.
 *
 * Threads: one.  Memory: plan_clear frees. */
#ifndef BENCH_SHARED_PLAN_H
#define BENCH_SHARED_PLAN_H

#include "ground/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { PLAN_MODEL_MAX = 160, PLAN_BODY_MAX = 4 << 20 };

struct plan_line {
	int64_t at_us;
	unsigned key;
	bool follow;
	unsigned prompt_bytes;
	unsigned max_tokens;
	char model[PLAN_MODEL_MAX];
};

struct plan {
	struct plan_line *lines;
	size_t n;
	char **keys; /* whole Authorization headers */
	size_t keys_n;
};

/* Reads to the end of both. ERR_INVALID_FIELD: *ret_line is the number of the bad line. */
MUST_CHECK enum err plan_read(FILE *lines, FILE *keys, struct plan *ret_plan, size_t *ret_line);
void plan_clear(struct plan *plan);
/* The body of a submit, as JSON. */
MUST_CHECK enum err plan_body(const struct plan_line *line, struct buf *out);

#endif
