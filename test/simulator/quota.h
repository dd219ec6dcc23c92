/* quota.h - a hard limit of requests and tokens, as strict as one can be made.
 *
 * No window of the given length, wherever it begins, holds more than the limit: a
 * sliding log. What comes beyond it is refused and does not count. Each model's
 * name has a quota of its own.
 *
 * Threads: one owner.  Memory: a ring for each of at most QUOTA_MODELS names. */
#ifndef SIMULATOR_QUOTA_H
#define SIMULATOR_QUOTA_H

#include "simulator/behaviour.h"

#include <stdbool.h>

enum { QUOTA_MODELS = 16, QUOTA_CALLS_MAX = 1 << 16 };

struct quota_log {
	uint64_t model; /* a hash; 0 = free */
	size_t first, n;
	double tokens; /* in the window */
	struct quota_call {
		int64_t at_us;
		double tokens;
	} * calls;
};

struct quotas {
	struct quota_log logs[QUOTA_MODELS];
};

/* What a reply says of it, in its headers. */
struct quota_left {
	double requests, tokens; /* below zero: no such limit */
	int64_t wait_ms;	 /* refused: until it would be let pass */
};

void quotas_clear(struct quotas *q);
/* Counts a call. False: it is beyond the limit. A call without a limit, or without memory for it,
 * passes. */
bool quotas_pass(struct quotas *q, uint64_t model, const struct behaviour *how, double tokens,
	int64_t now_us, struct quota_left *ret_left);

#endif
