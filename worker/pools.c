#include "pools.h"

#include "domain/reserve.h"

#include <stdio.h>
#include <string.h>

static size_t place_of(const struct pools *pools, int32_t queue_id)
{
	size_t at = 0;

	while (at < pools->n && pools->list[at].queue_id != queue_id)
		at++;
	return at;
}

static size_t place_of_name(const struct pools *pools, const char *name)
{
	size_t at = 0;

	while (at < pools->n && strcmp(pools->list[at].name, name) != 0)
		at++;
	return at;
}

const struct pool *pools_find(const struct pools *pools, int32_t queue_id)
{
	size_t at = place_of(pools, queue_id);

	return at < pools->n ? &pools->list[at] : NULL;
}

const struct pool *pools_find_name(const struct pools *pools, const char *name)
{
	size_t at = place_of_name(pools, name);

	return at < pools->n ? &pools->list[at] : NULL;
}

/* The pool of this queue, made when there is room for one more. */
static struct pool *pool_of(struct pools *pools, int32_t queue_id)
{
	size_t at = place_of(pools, queue_id);

	if (at == POOLS_MAX)
		return NULL;
	if (at == pools->n)
		pools->list[pools->n++] = (struct pool){.queue_id = queue_id, .weight = 1};
	return &pools->list[at];
}

static bool is_served(const struct pool *pool, const struct queue *const *queues, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (queues[i]->id == pool->queue_id)
			return true;
	return pool->held || pool->asked || pool->started;
}

void pools_serve(struct pools *pools, const struct queue *const *queues, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < pools->n; i++)
		if (is_served(&pools->list[i], queues, n))
			pools->list[kept++] = pools->list[i];
	pools->n = kept;
	for (size_t i = 0; i < n; i++) {
		struct pool *pool = pool_of(pools, queues[i]->id);

		if (!pool)
			return;
		pool->weight = queues[i]->weight;
		snprintf(pool->name, sizeof pool->name, "%s", queues[i]->name);
	}
}

void pools_hold(struct pools *pools, int32_t queue_id)
{
	struct pool *pool = pool_of(pools, queue_id);

	if (!pool)
		return;
	pool->held++;
	pool->started++;
}

void pools_release(struct pools *pools, int32_t queue_id)
{
	size_t at = place_of(pools, queue_id);

	if (at < pools->n && pools->list[at].held)
		pools->list[at].held--;
}

void pools_ask(struct pools *pools, const char *queue, size_t n)
{
	size_t at = place_of_name(pools, queue);

	if (at < pools->n)
		pools->list[at].asked += n;
}

static void answer(struct pools *pools, size_t at, size_t n)
{
	if (at < pools->n)
		pools->list[at].asked -= n < pools->list[at].asked ? n : pools->list[at].asked;
}

void pools_answer(struct pools *pools, const char *queue, size_t n)
{
	answer(pools, place_of_name(pools, queue), n);
}

size_t pools_ask_loads(struct pools *pools, size_t slots, size_t free_slots,
	struct claim_load ret_loads[POOLS_MAX])
{
	size_t n = pools->n > 1 ? pools->n : 0;

	for (size_t i = 0; i < n; i++)
		ret_loads[i] = (struct claim_load){
			.queue_id = pools->list[i].queue_id,
			.held = (int64_t)pools->list[i].held,
			.spare = (int64_t)pools_room(pools, &pools->list[i], slots, free_slots),
		};
	for (size_t i = 0; i < n; i++)
		pools->list[i].asked += (size_t)ret_loads[i].spare;
	return n;
}

void pools_answer_loads(struct pools *pools, const struct claim_load *loads, size_t n)
{
	for (size_t i = 0; i < n; i++)
		answer(pools, place_of(pools, loads[i].queue_id), (size_t)loads[i].spare);
}

size_t pools_tell(struct pools *pools, struct worker_begun *begun, size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < pools->n && n < max; i++) {
		struct pool *pool = &pools->list[i];

		pool->telling = pool->started;
		if (pool->started)
			begun[n++] = (struct worker_begun){pool->queue_id, pool->started};
	}
	return n;
}

void pools_told(struct pools *pools)
{
	for (size_t i = 0; i < pools->n; i++) {
		pools->list[i].started -= pools->list[i].telling;
		pools->list[i].telling = 0;
	}
}

size_t pools_room(
	const struct pools *pools, const struct pool *pool, size_t slots, size_t free_slots)
{
	int64_t weights = 0, unmet = 0;

	if (pools->n < 2 || !pool)
		return free_slots;
	for (size_t i = 0; i < pools->n; i++)
		weights += pools->list[i].weight;
	for (size_t i = 0; i < pools->n; i++) {
		const struct pool *other = &pools->list[i];
		int64_t lacks =
			reserve_part((int64_t)slots, other->weight, weights) - (int64_t)other->held;

		if (other != pool && lacks > 0)
			unmet += lacks;
	}
	return (size_t)reserve_room((int64_t)slots, (int64_t)free_slots,
		reserve_part((int64_t)slots, pool->weight, weights),
		(int64_t)(pool->held + pool->asked), unmet);
}
