/* limit_tally.h - what became of requests that were limited, counted.
 *
 * Threads: any.  Memory: one struct. */
#ifndef LIMITS_LIMIT_TALLY_H
#define LIMITS_LIMIT_TALLY_H

#include "limits/limit_ask.h"
#include "limits/limiter.h"
#include "limits/refusal_rate.h"

struct limit_tally {
	_Atomic uint64_t admitted, local, refused[LIMIT_LEVELS];
	struct refusal_rate refusals[LIMIT_LEVELS];
};

/* Answered: it came in, or each level that had no room refused it. */
void limit_tally_add(struct limit_tally *t, const struct limit_ask *ask);
struct limiter_counts limit_tally_read(const struct limit_tally *t, bool shared);

#endif
