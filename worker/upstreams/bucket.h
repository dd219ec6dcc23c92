/* bucket.h - a token bucket: how much may still go, at a rate.
 *
 * Amounts are requests or tokens. A bucket may be overdrawn, because what a call
 * really used is known only after it: later takers wait until it is level again.
 * Nobody may ask for more than the bucket holds when full, so that every wait ends.
 *
 * Threads: pure; now_ms is the caller's clock and never runs back.  Memory: a value. */
#ifndef UPSTREAMS_BUCKET_H
#define UPSTREAMS_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

struct bucket {
	double level, capacity;
	double per_ms; /* 0 = no limit: everything is granted */
	int64_t at_ms; /* the level is of this time */
};

/* New limits. A bucket that had none begins full; otherwise the level stays, within them. */
void bucket_limit(struct bucket *b, double per_ms, double capacity, int64_t now_ms);
/* What amount is cut to: a full bucket. */
double bucket_fit(const struct bucket *b, double amount);
bool bucket_has(struct bucket *b, double amount, int64_t now_ms);
/* Takes, or with a negative amount gives back; does not ask. */
void bucket_take(struct bucket *b, double amount, int64_t now_ms);
/* The upstream says that so much is left: never more than that from now on. */
void bucket_seen(struct bucket *b, double left, int64_t now_ms);
/* Until amount is there, if nobody else takes; 0 = now. */
int64_t bucket_wait_ms(struct bucket *b, double amount, int64_t now_ms);

#endif
