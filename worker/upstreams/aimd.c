#include "upstreams/aimd.h"

#include <math.h>

static const double DECREASE = 0.7;

int64_t aimd_limit(const struct aimd *a, int64_t ceiling)
{
	if (a->limit <= 0 || a->limit >= (double)ceiling)
		return ceiling > 1 ? ceiling : 1;
	return a->limit > 1 ? (int64_t)a->limit : 1;
}

void aimd_answered(struct aimd *a, int64_t in_flight, int64_t ceiling)
{
	const int64_t limit = aimd_limit(a, ceiling);

	if (a->limit <= 0 || 2 * in_flight < limit)
		return;
	if (a->limit < a->threshold)
		a->limit = fmin(a->threshold, fmax(a->limit, 1) + 1);
	else
		a->limit = fmin((double)ceiling, fmax(a->limit, 1) + 1.0 / (double)limit);
}

void aimd_overloaded(struct aimd *a, int64_t in_flight, int64_t ceiling, int64_t now_ms)
{
	const double limit = (double)aimd_limit(a, ceiling);

	if (a->lowered_ms && now_ms - a->lowered_ms < AIMD_HOLD_MS)
		return;
	a->lowered_ms = now_ms;
	a->threshold = DECREASE * limit;
	a->limit = fmax(1, DECREASE * fmin(limit, fmax(1, (double)in_flight)));
}
