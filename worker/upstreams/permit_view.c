#include "upstreams/permit_view.h"

#include "upstreams/permit_inside.h"

size_t permits_in_flight(const struct permits *p, const char *upstream)
{
	return scopes_in_flight(&p->scopes, upstream);
}

bool permits_are_shared(const struct permits *p)
{
	return !shared_limits_alone(p->shared);
}

void permits_each(struct permits *p, permit_each_fn *fn, void *owner)
{
	const struct quota_fleet fleet = permits_fleet(p);
	const int64_t now = permits_now(p);

	for (struct ring *at = p->scopes.used.next; at != &p->scopes.used; at = at->next) {
		struct scope *s = RING_OF(at, struct scope, used);
		struct permit_view view = {
			.upstream = s->upstream->name,
			.key = s->key,
			.model = s->model,
			.breaker = s->breaker->now.state,
			.health = s->health->now.state,
			.in_flight = (int64_t)s->in_flight,
			.waiting = (int64_t)s->waiting,
			.limit = aimd_limit(&s->aimd, s->ceiling),
			.granted = s->granted_n,
			.parked = s->parked_n,
		};

		for (size_t i = 0; i < RATES; i++)
			view.left[i] = quota_left(&s->quota[i], fleet, s->copied_ms, now);
		fn(owner, &view);
	}
}

void permits_each_upstream(struct permits *p, permit_upstream_fn *fn, void *owner)
{
	const int64_t now = permits_now(p);

	for (struct scope_upstream *up = p->scopes.upstreams; up; up = up->next) {
		const struct permit_upstream_view view = {
			up->name, up->parked_n, retry_budget_left(&up->retries, now)};

		fn(owner, &view);
	}
}

void permits_each_guard(struct permits *p, permit_guard_fn *fn, void *owner)
{
	for (size_t i = 0; i < SCOPE_BUCKETS; i++)
		for (const struct guard *g = p->scopes.guards[i]; g; g = g->next) {
			const struct permit_guard_view view = {
				g->upstream, g->label, g->kind == GUARD_KEY, g->now.state};

			fn(owner, &view);
		}
}
