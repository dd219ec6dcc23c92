/* quota.h - what is left of a limit of an upstream (requests or tokens) or a payer (tokens) for
 * this worker.
 *
 * The fleet shares one bucket, in Redis. A worker does not ask it for every call:
 *
 *   spare   while the bucket was half full when last looked at, each worker may take
 *           its part of that half freely, and books what it took with the next exchange
 *   lease   otherwise amounts for the jobs that wait here are booked first, in bulk,
 *           and used when the exchange brings them
 *   alone   without Redis each worker has a bucket of its own with its share of the
 *           rate: the limit divided by the workers that were last seen
 *
 * Limits come from the configuration, less the headroom, or are learned from the
 * upstream's headers; a payer's from a plan. What a call really used is settled when it
 * ended.
 *
 * A configured limit is given out by whole calls and on credit: a call may begin as soon as
 * nothing is owed, and the next one when it is paid for. So in any minute, wherever it begins,
 * no more is used than the rate gives, the burst and one call; and no worker keeps a part of a
 * call while others go on. Calls of any size take turns.
 * An upstream that counts the last minute at each call refuses what is beyond. Requests are
 * alike, so the headroom keeps the one at the edge out; of tokens a call of the size that they
 * lately had is left free besides.
 *
 * What is learned or a plan's must be there before it is taken, as far as a full bucket holds it.
 *
 * Nobody but us counts what a payer used, so its quotas outlive Redis: who was alone tells
 * a Redis that is back, perhaps empty, what was left of its share.
 *
 * Threads: the loop's.  Memory: a value. */
#ifndef UPSTREAMS_QUOTA_H
#define UPSTREAMS_QUOTA_H

#include "config/config.h"
#include "upstreams/bucket.h"
#include "upstreams/rate_headers.h"

struct quota {
	double per_minute, capacity; /* in force; 0 = no limit */
	bool configured, on_credit;
	double level;			  /* the fleet's bucket when last looked at */
	double untold;			  /* taken since: to be booked */
	double lease;			  /* booked, not used yet */
	double wanted;			  /* by the jobs that wait */
	double call;			  /* what the first of them, or the last that was, takes */
	double seen;			  /* the upstream's word, not told yet, or QUOTA_UNSEEN */
	double learned, learned_capacity; /* likewise; 0 = nothing new */
	double sending_seen, sending_learned,
		sending_capacity; /* told with the exchange under way */
	struct bucket alone;
	bool returns;	/* it was alone, and tells with the next exchange what was left, */
	bool returning; /* or with the one under way */
};

/* Less than any bucket is overdrawn. */
static const double QUOTA_UNSEEN = -1e15;

/* How many share the limit, and whether this worker can see them. */
struct quota_fleet {
	bool alone;
	double workers;
};

void quota_init(struct quota *q);
/* What is configured. uneven: what a call lately took where no two take the same; 0 = they all do,
 * or nobody knows. */
struct quota_rule {
	double per_minute; /* 0 = no limit */
	double uneven;
	const struct config_pacing *pacing;
};
/* Cheap: before every look. */
void quota_configure(
	struct quota *q, const struct quota_rule *rule, struct quota_fleet fleet, int64_t now_ms);
/* A plan's limit, as it is: capacity is the burst. */
void quota_limit(struct quota *q, double per_minute, double capacity, struct quota_fleet fleet,
	int64_t now_ms);
/* The reply's headers; the upstream counted age_ms ago, when the call began. */
void quota_learn(
	struct quota *q, const struct rate_said *said, bool learn, int64_t age_ms, int64_t now_ms);
bool quota_has(struct quota *q, double amount, struct quota_fleet fleet, int64_t now_ms);
void quota_take(struct quota *q, double amount, struct quota_fleet fleet, int64_t now_ms);
/* The call used so much more than was taken for it, or less. */
void quota_settle(struct quota *q, double more, int64_t now_ms);
/* How much it may take now; INFINITY = as much as it likes. */
double quota_room(struct quota *q, struct quota_fleet fleet, int64_t now_ms);
/* Until so much should be there, the lease of another worker aside; 0 = it is. */
int64_t quota_wait_ms(const struct quota *q, double amount, struct quota_fleet fleet,
	int64_t level_ms, int64_t now_ms);
/* What this worker may expect, per second; 0 = as much as it likes. */
double quota_per_s(const struct quota *q, struct quota_fleet fleet);

/* The share of a full bucket that is there, 0 to 1; below zero: there is no limit. The fleet's was
 * looked at level_ms. */
double quota_left(struct quota *q, struct quota_fleet fleet, int64_t level_ms, int64_t now_ms);

/* What an exchange says and brings. */
struct quota_ask {
	double per_minute, capacity, learned, learned_capacity, take, want, seen;
	double call; /* whole ones alone, on credit; 0 = as much of want as there is */
};
struct quota_news {
	double granted, level, per_minute, capacity;
};
struct quota_ask quota_send(struct quota *q);
void quota_told(struct quota *q, const struct quota_news *news);
/* The exchange was not answered: what the upstream said is told again, unless it said more, and
 * what is left then of what was. */
void quota_untold(struct quota *q);
/* Redis is away: what was booked there is void. */
void quota_forget(struct quota *q);
/* The same, but this worker's part of what was left is all it has until Redis is back, */
void quota_remember(struct quota *q, double workers, int64_t level_ms, int64_t now_ms);
/* and then the fleet's is told. Before quota_send. */
void quota_return(struct quota *q, double workers, int64_t now_ms);

#endif
