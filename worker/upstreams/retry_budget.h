/* retry_budget.h - retries that fail may be so large a share of an upstream's calls, and no larger.
 *
 * When an upstream fails, every job comes back; without a bound those retries keep
 * it down. First attempts pay in a share of a call each, a retry takes out a whole
 * one; a small rate is paid in besides, so that a quiet upstream's jobs can be tried
 * again at all. A retry that is answered well gives back what it took and pays in as a
 * first attempt does: it did no harm, and what an outage left behind is done as fast as
 * answers come, not at the small rate (as the retry quota of AWS' SDKs). A fleet needs no
 * common account: each worker's share holds for the sum. A job without budget waits; it
 * burns no attempt.
 *
 * Threads: pure.  Memory: a value. */
#ifndef UPSTREAMS_RETRY_BUDGET_H
#define UPSTREAMS_RETRY_BUDGET_H

#include "upstreams/bucket.h"

enum { RETRY_BUDGET_SAVED = 20 }; /* retries that may be saved up */

struct retry_budget {
	struct bucket paid;
	double percent;
};

/* least_per_s: this worker's part of the small rate. Percent 100 or more = no budget is kept. */
void retry_budget_limit(struct retry_budget *b, double percent, double least_per_s, int64_t now_ms);
void retry_budget_first(struct retry_budget *b, int64_t now_ms);
bool retry_budget_has(struct retry_budget *b, int64_t now_ms);
/* How many go now; 20, all that may be saved, where no budget is kept. */
double retry_budget_left(struct retry_budget *b, int64_t now_ms);
void retry_budget_take(struct retry_budget *b, int64_t now_ms);
/* A retry that took was answered well. */
void retry_budget_give_back(struct retry_budget *b, int64_t now_ms);
int64_t retry_budget_wait_ms(struct retry_budget *b, int64_t now_ms);

#endif
