#include "domain/scaling.h"

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* Ready jobs that a free slot could take within the next second. */
static int64_t startable(const struct scaling_queue *queue)
{
	int64_t n = queue->paused ? 0 : queue->ready;

	if (queue->concurrency > 0)
		n = least(n, queue->concurrency - queue->running);
	if (queue->rate > 0)
		n = least(n, (int64_t)queue->rate + 1);
	return n > 0 ? n : 0;
}

int64_t scaling_slots_wanted(const struct scaling_queue *queue)
{
	return queue->running + startable(queue);
}
