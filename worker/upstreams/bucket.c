#include "upstreams/bucket.h"

#include <math.h>

static void refill(struct bucket *b, int64_t now_ms)
{
	if (now_ms <= b->at_ms)
		return;
	b->level = fmin(b->capacity, b->level + (double)(now_ms - b->at_ms) * b->per_ms);
	b->at_ms = now_ms;
}

void bucket_limit(struct bucket *b, double per_ms, double capacity, int64_t now_ms)
{
	if (b->per_ms <= 0)
		*b = (struct bucket){.level = capacity, .at_ms = now_ms};
	refill(b, now_ms);
	b->per_ms = per_ms;
	b->capacity = capacity;
	b->level = fmin(b->level, capacity);
}

double bucket_fit(const struct bucket *b, double amount)
{
	return b->per_ms > 0 && amount > b->capacity ? b->capacity : amount;
}

bool bucket_has(struct bucket *b, double amount, int64_t now_ms)
{
	return bucket_wait_ms(b, amount, now_ms) == 0;
}

void bucket_take(struct bucket *b, double amount, int64_t now_ms)
{
	if (b->per_ms <= 0)
		return;
	refill(b, now_ms);
	b->level = fmin(b->capacity, b->level - amount);
}

void bucket_seen(struct bucket *b, double left, int64_t now_ms)
{
	if (b->per_ms <= 0)
		return;
	refill(b, now_ms);
	b->level = fmin(b->level, left);
}

int64_t bucket_wait_ms(struct bucket *b, double amount, int64_t now_ms)
{
	if (b->per_ms <= 0)
		return 0;
	refill(b, now_ms);
	amount = bucket_fit(b, amount) - b->level;
	/* a hair's breadth less than asked is rounding, not want */
	return amount > 1e-6 ? (int64_t)ceil(amount / b->per_ms) : 0;
}
