#include "domain/histogram.h"

static const struct {
	double unit;
	int64_t bounds[HISTOGRAM_BUCKETS];
} ladders[HISTOGRAM_LADDERS] = {
	[HISTOGRAM_FAST] = {1e6, {100, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000, 250000,
					 500000, 1000000, 10000000, INT64_MAX}},
	[HISTOGRAM_SLOW] = {1e6,
		{50000, 100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000,
			60000000, 120000000, 300000000, 600000000, INT64_MAX}},
	[HISTOGRAM_SIZE] = {1,
		{1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, INT64_MAX}},
};

unsigned histogram_bucket(enum histogram_ladder ladder, int64_t value)
{
	unsigned bucket = 0;

	while (ladders[ladder].bounds[bucket] < value)
		bucket++;
	return bucket;
}

void histogram_add(struct histogram *h, enum histogram_ladder ladder, int64_t value)
{
	h->buckets[histogram_bucket(ladder, value)]++;
	h->sum += value > 0 ? value : 0;
}

void histogram_sum(const struct histogram *one, struct histogram *sum)
{
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum->buckets[i] += one->buckets[i];
	sum->sum += one->sum;
}

uint64_t histogram_count(const struct histogram *h)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++)
		n += h->buckets[i];
	return n;
}

int64_t histogram_bound(enum histogram_ladder ladder, unsigned bucket)
{
	return ladders[ladder].bounds[bucket];
}

double histogram_unit(enum histogram_ladder ladder)
{
	return ladders[ladder].unit;
}
