#include "upstreams/quota.h"

#include <math.h>

enum { MINUTE_MS = 60000 };

void quota_init(struct quota *q)
{
	*q = (struct quota){.seen = QUOTA_UNSEEN, .sending_seen = QUOTA_UNSEEN};
}

/* So much of a limit is given out. The call at the edge of the upstream's minute and the whole
 * headroom seldom meet, so half of that is left where it takes more. A call of more than half of
 * the limit goes every other minute. */
static double paced(double per_minute, const struct quota_rule *rule)
{
	const double headroom = (double)rule->pacing->headroom_percent / 100;
	const double all = per_minute * (1 - headroom);
	const double but_one = (per_minute - rule->uneven) * (1 - headroom / 2);

	return rule->uneven > 0 ? fmin(all, fmax(per_minute / 2, but_one)) : all;
}

void quota_configure(
	struct quota *q, const struct quota_rule *rule, struct quota_fleet fleet, int64_t now_ms)
{
	const double share = fleet.alone ? 1 / fleet.workers : 1;
	double mine = q->per_minute * share;

	if (rule->per_minute > 0) {
		q->per_minute = paced(rule->per_minute, rule);
		q->capacity = q->per_minute / MINUTE_MS * (double)rule->pacing->burst_ms;
		mine = paced(rule->per_minute * share, rule);
	} else if (q->configured) {
		q->per_minute = q->capacity = mine = 0;
	}
	q->configured = q->on_credit = rule->per_minute > 0;
	bucket_limit(&q->alone, mine / MINUTE_MS,
		q->on_credit ? q->capacity * share : fmax(1, q->capacity * share), now_ms);
}

void quota_limit(struct quota *q, double per_minute, double capacity, struct quota_fleet fleet,
	int64_t now_ms)
{
	const double share = fleet.alone ? 1 / fleet.workers : 1;

	q->per_minute = per_minute;
	q->capacity = capacity;
	q->configured = per_minute > 0;
	bucket_limit(&q->alone, per_minute * share / MINUTE_MS, fmax(1, capacity * share), now_ms);
}

/* Of what is configured a call may begin while nothing is owed, and so not unless it fits. What is
 * said of it is old when a long call ends: what came back since is there too. */
static double seen_now(const struct quota *q, double left, int64_t age_ms)
{
	return q->on_credit ? left - q->call + (double)age_ms * q->per_minute / MINUTE_MS : left;
}

void quota_learn(
	struct quota *q, const struct rate_said *said, bool learn, int64_t age_ms, int64_t now_ms)
{
	const double per_minute = rate_said_per_minute(said);

	if (learn && !q->configured && per_minute > 0) {
		q->per_minute = q->learned = per_minute;
		q->capacity = q->learned_capacity = said->limit;
	}
	if (said->left >= 0 && (q->configured || learn)) {
		q->seen = seen_now(q, said->left, age_ms);
		bucket_seen(&q->alone, q->seen, now_ms);
		if (!q->configured && said->left > q->capacity / 2)
			q->alone.level = said->left;
	}
}

/* The part of the upper half of the fleet's bucket that is this worker's. */
static double spare(const struct quota *q, struct quota_fleet fleet)
{
	return (q->level - q->capacity / 2) / fleet.workers - q->untold;
}

/* So much of it must be booked, or be to spare. */
static double need(const struct quota *q, double amount)
{
	return q->on_credit ? amount : fmin(amount, q->capacity);
}

bool quota_has(struct quota *q, double amount, struct quota_fleet fleet, int64_t now_ms)
{
	const double needed = need(q, amount);

	if (q->per_minute <= 0)
		return true;
	if (fleet.alone)
		return bucket_has(&q->alone, q->on_credit ? 0 : needed, now_ms);
	return q->lease + 1e-6 >= needed || spare(q, fleet) >= needed;
}

void quota_take(struct quota *q, double amount, struct quota_fleet fleet, int64_t now_ms)
{
	const double needed = need(q, amount);

	if (q->per_minute <= 0)
		return;
	bucket_take(&q->alone, amount, now_ms);
	if (fleet.alone)
		return;
	if (q->lease + 1e-6 >= needed) {
		q->lease -= needed;
		q->untold += amount - needed;
	} else {
		q->untold += amount;
	}
}

void quota_settle(struct quota *q, double more, int64_t now_ms)
{
	if (q->per_minute <= 0)
		return;
	q->untold += more;
	bucket_take(&q->alone, more, now_ms);
}

double quota_room(struct quota *q, struct quota_fleet fleet, int64_t now_ms)
{
	double alone;

	if (q->per_minute <= 0)
		return INFINITY;
	bucket_take(&q->alone, 0, now_ms);
	alone = q->alone.level;
	if (q->on_credit && alone >= 0)
		alone = fmax(alone, q->call);
	return fmax(0, fleet.alone ? alone : fmax(q->lease, spare(q, fleet)));
}

/* The fleet's bucket as it should be now. */
static double level_now(const struct quota *q, int64_t level_ms, int64_t now_ms)
{
	const double since = (double)(now_ms - level_ms) * q->per_minute / MINUTE_MS;

	return fmin(q->capacity, q->level + since);
}

int64_t quota_wait_ms(const struct quota *q, double amount, struct quota_fleet fleet,
	int64_t level_ms, int64_t now_ms)
{
	struct bucket alone = q->alone;
	double lacks;

	if (q->per_minute <= 0)
		return 0;
	if (fleet.alone)
		return bucket_wait_ms(&alone, amount, now_ms);
	lacks = fmin(amount, q->capacity) - q->lease - level_now(q, level_ms, now_ms) + q->untold;
	return lacks > 1e-6 ? (int64_t)ceil(lacks * MINUTE_MS / q->per_minute) : 0;
}

double quota_per_s(const struct quota *q, struct quota_fleet fleet)
{
	return q->per_minute / 60 / fleet.workers;
}

double quota_left(struct quota *q, struct quota_fleet fleet, int64_t level_ms, int64_t now_ms)
{
	double left;

	if (q->per_minute <= 0)
		return -1;
	bucket_take(&q->alone, 0, now_ms);
	if (fleet.alone)
		left = q->alone.level / q->alone.capacity;
	else
		left = level_now(q, level_ms, now_ms) / q->capacity;
	return fmax(0, fmin(1, left));
}

/* A lease that nobody waits for any more goes back. */
struct quota_ask quota_send(struct quota *q)
{
	const double back = q->wanted <= 0 ? q->lease : 0;
	const struct quota_ask ask = {
		.per_minute = q->configured ? q->per_minute : 0,
		.capacity = q->capacity,
		.learned = q->learned,
		.learned_capacity = q->learned_capacity,
		.take = q->untold - back,
		.want = fmax(0, fmin(q->wanted, 1e12) - q->lease),
		.seen = q->seen,
		.call = q->on_credit ? q->call : 0,
	};

	q->lease -= back;
	q->sending_seen = q->seen;
	q->sending_learned = q->learned;
	q->sending_capacity = q->learned_capacity;
	q->untold = q->learned = 0;
	q->seen = QUOTA_UNSEEN;
	return ask;
}

void quota_told(struct quota *q, const struct quota_news *news)
{
	q->returning = false;
	q->lease += news->granted;
	q->level = news->level;
	if (q->configured)
		return;
	q->per_minute = news->per_minute;
	q->capacity = news->capacity;
}

void quota_untold(struct quota *q)
{
	q->returns |= q->returning;
	if (q->seen <= QUOTA_UNSEEN && !q->returning)
		q->seen = q->sending_seen;
	q->returning = false;
	if (q->learned <= 0) {
		q->learned = q->sending_learned;
		q->learned_capacity = q->sending_capacity;
	}
}

void quota_forget(struct quota *q)
{
	q->lease = q->untold = q->level = 0;
}

/* Its own bucket knows what it took itself, the fleet's what all took. */
void quota_remember(struct quota *q, double workers, int64_t level_ms, int64_t now_ms)
{
	if (q->per_minute > 0 && level_ms) {
		bucket_take(&q->alone, 0, now_ms);
		q->alone.level = fmin(q->alone.level, level_now(q, level_ms, now_ms) / workers);
	}
	quota_forget(q);
	q->returns = true;
}

/* What others took alone they tell themselves; the least that anybody tells counts. */
void quota_return(struct quota *q, double workers, int64_t now_ms)
{
	q->returning = q->returns;
	if (!q->returns)
		return;
	q->returns = false;
	bucket_take(&q->alone, 0, now_ms);
	q->seen = fmax(0, q->alone.level * workers);
}
