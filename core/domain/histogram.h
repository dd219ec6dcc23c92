/* histogram.h - how often a value fell between which bounds.
 *
 * Bounds come in three ladders, so that the same quantity has the same buckets in
 * every program and sums over processes mean something: FAST and SLOW count
 * microseconds (what a machine does; what a model does), SIZE counts things.
 *
 * Threads: one owner.  Memory: a value. */
#ifndef DOMAIN_HISTOGRAM_H
#define DOMAIN_HISTOGRAM_H

#include <stdint.h>

enum histogram_ladder {
	HISTOGRAM_FAST,
	HISTOGRAM_SLOW,
	HISTOGRAM_SIZE,
	HISTOGRAM_LADDERS,
	HISTOGRAM_NONE = HISTOGRAM_LADDERS /* no histogram */
};
enum { HISTOGRAM_BUCKETS = 14 };

struct histogram {
	uint64_t buckets[HISTOGRAM_BUCKETS]; /* not summed up; the last has no bound */
	int64_t sum;
};

/* Which bucket holds value; one that is below 0 counts as 0. */
unsigned histogram_bucket(enum histogram_ladder ladder, int64_t value);
void histogram_add(struct histogram *h, enum histogram_ladder ladder, int64_t value);
/* Of the same ladder. */
void histogram_sum(const struct histogram *one, struct histogram *sum);
uint64_t histogram_count(const struct histogram *h);
/* Upper end of a bucket, INT64_MAX for the last. */
int64_t histogram_bound(enum histogram_ladder ladder, unsigned bucket);
/* How many of the ladder's units make one that people read: a million for times. */
double histogram_unit(enum histogram_ladder ladder);

#endif
