/* aimd.h - how many calls at a time an upstream bears, found by trying.
 *
 * Additive increase, multiplicative decrease (Chiu and Jain 1989), on what the
 * upstream says: 429, 503, 529 and time-outs lower the limit by 30 %, at most once
 * a second because one overload is reported by many calls; answers raise it by one
 * per round of as many calls as the limit, but only while the limit is in use. An
 * overload that came while few calls were under way says little of what many would
 * have met: up to 70 % of the limit before it, each answer raises the limit by one, so
 * that it doubles a round (slow start and its threshold, RFC 5681, section 3.1).
 * Round-trip times are not looked at: a model's latency follows its answer's length.
 *
 * Threads: pure.  Memory: a value. */
#ifndef UPSTREAMS_AIMD_H
#define UPSTREAMS_AIMD_H

#include <stdint.h>

enum { AIMD_HOLD_MS = 1000 };

struct aimd {
	double limit; /* 0 = never told: the ceiling */
	double threshold;
	int64_t lowered_ms;
};

/* Calls that may be under way; at least 1. */
int64_t aimd_limit(const struct aimd *a, int64_t ceiling);
/* A call was answered while in_flight were under way. */
void aimd_answered(struct aimd *a, int64_t in_flight, int64_t ceiling);
/* A call was refused for load, or timed out. */
void aimd_overloaded(struct aimd *a, int64_t in_flight, int64_t ceiling, int64_t now_ms);

#endif
