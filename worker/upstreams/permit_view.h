/* permit_view.h - permits as they are now, for those who tell of them: metrics, the beat.
 *
 * Threads: the loop's.  Memory: a view is good within its call. */
#ifndef UPSTREAMS_PERMIT_VIEW_H
#define UPSTREAMS_PERMIT_VIEW_H

#include "upstreams/breaker.h"
#include "upstreams/permit.h"

/* Calls under way to the upstream of this name; NULL = to all. */
size_t permits_in_flight(const struct permits *p, const char *upstream);
/* Are breakers and limits the fleet's? Else Redis is away. */
bool permits_are_shared(const struct permits *p);

/* One scope as it is now. */
struct permit_view {
	const char *upstream, *key, *model;
	enum breaker_state breaker, health;
	int64_t in_flight, waiting, limit;
	uint64_t granted, parked;
	double left[RATES]; /* of a full bucket, 0 to 1; below zero = no limit */
};
typedef void permit_each_fn(void *owner, const struct permit_view *view);
void permits_each(struct permits *p, permit_each_fn *fn, void *owner);

/* An upstream, and all that was asked of it. */
struct permit_upstream_view {
	const char *upstream;
	uint64_t parked;
	double retries_left;
};
typedef void permit_upstream_fn(void *owner, const struct permit_upstream_view *view);
void permits_each_upstream(struct permits *p, permit_upstream_fn *fn, void *owner);

/* A breaker. key: is it a key's health? Then label is the key's, else the model. */
struct permit_guard_view {
	const char *upstream, *label;
	bool key;
	enum breaker_state state;
};
typedef void permit_guard_fn(void *owner, const struct permit_guard_view *view);
void permits_each_guard(struct permits *p, permit_guard_fn *fn, void *owner);

#endif
