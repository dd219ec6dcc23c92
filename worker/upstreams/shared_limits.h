/* shared_limits.h - the fleet's common view of its upstreams, through Redis.
 *
 * One exchange at a time goes to Redis, a script that takes what this worker's scopes
 * counted, took and propose, and returns what all workers together make of it: so
 * decisions cost no round trip each, and a copy that is used is at most as old as
 * two exchanges are apart (pacing.sync_ms) or a tenth of a second. Who needs
 * something now hurries the next exchange to the end of the turn.
 *
 * All times on the wire are spans from now, by Redis' clock; no worker's wall clock
 * matters. While Redis is away or refuses each worker is alone: its own breakers, and its share
 * of the limits among the workers last seen. Idle workers say once a second that
 * they are there.
 *
 * Threads: the loop's.  Memory: one exchange's arguments. */
#ifndef UPSTREAMS_SHARED_LIMITS_H
#define UPSTREAMS_SHARED_LIMITS_H

#include "upstreams/permit.h"
#include "upstreams/scope.h"

struct shared_limits;

/* *ret is NULL when no Redis is configured: every function here then means "alone". */
MUST_CHECK enum err shared_limits_new(const struct permits_options *options, struct scopes *scopes,
	struct scopes *payers, struct shared_limits **ret_shared);
void shared_limits_free(struct shared_limits *s);

bool shared_limits_alone(const struct shared_limits *s);
/* Workers that share the limits, this one included. */
double shared_limits_workers(const struct shared_limits *s);
/* May the scope's copy be acted upon? Always, when alone. */
bool shared_limits_fresh(const struct shared_limits *s, const struct scope *scope);
void shared_limits_hurry(struct shared_limits *s);
/* At the end of a turn. */
void shared_limits_flush(struct shared_limits *s);

#endif
