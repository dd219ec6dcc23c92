/* refusal_rate.h - how many were refused in the last minute.
 *
 * Two counts, of this minute and of the one before; of the latter the part that is not
 * over a minute ago counts, as if it had come evenly.
 *
 * Threads: one adds, any reads.  Memory: a value; zeroed = none. */
#ifndef LIMITS_REFUSAL_RATE_H
#define LIMITS_REFUSAL_RATE_H

#include <stdatomic.h>
#include <stdint.h>

struct refusal_rate {
	_Atomic int64_t minute;
	_Atomic uint64_t now, before;
};

enum { REFUSAL_MINUTE_MS = 60000 };

static inline void refusal_rate_add(struct refusal_rate *r, int64_t now_ms)
{
	const int64_t minute = now_ms / REFUSAL_MINUTE_MS;

	if (minute != r->minute) {
		r->before = minute == r->minute + 1 ? r->now : 0;
		r->now = 0;
		r->minute = minute;
	}
	r->now++;
}

static inline uint64_t refusal_rate_read(const struct refusal_rate *r, int64_t now_ms)
{
	const int64_t minute = now_ms / REFUSAL_MINUTE_MS;
	const uint64_t left_ms = (uint64_t)(REFUSAL_MINUTE_MS - now_ms % REFUSAL_MINUTE_MS);

	if (minute == r->minute)
		return r->now + r->before * left_ms / REFUSAL_MINUTE_MS;
	return minute == r->minute + 1 ? r->now * left_ms / REFUSAL_MINUTE_MS : 0;
}

#endif
