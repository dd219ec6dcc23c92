#include "upstreams/permit_spare.h"

#include "upstreams/permit_inside.h"

#include <math.h>
#include <string.h>

enum { CALLED_MAX = 256, AGAIN_MS = 1000 };

static bool is_open(const struct guard *g, int64_t now_ms)
{
	return breaker_percent(&g->now, now_ms) == 100;
}

/* Calls that could begin now. */
static double room_of(struct permits *p, struct scope *scope)
{
	const struct quota_fleet fleet = permits_fleet(p);
	const int64_t now = permits_now(p);
	const double tokens = fmax(1, scope->output_tokens);
	const double of_upstream = (double)scope->ceiling - (double)scope->upstream->in_flight;
	const double of_scope =
		(double)aimd_limit(&scope->aimd, scope->ceiling) - (double)scope->in_flight;
	const double requests = quota_room(&scope->quota[RATE_REQUESTS], fleet, now);
	const double of_tokens = quota_room(&scope->quota[RATE_TOKENS], fleet, now) / tokens;

	return fmin(fmin(of_upstream, of_scope), fmin(requests, of_tokens));
}

static double room_if_open(struct permits *p, struct scope *scope)
{
	const int64_t now = permits_now(p);
	int64_t wait_ms;

	if (scope->waiting || !is_open(scope->breaker, now) || !is_open(scope->health, now) ||
		permit_blocked(p, scope, false, 1, &wait_ms) != PERMIT_NOTHING)
		return 0;
	return room_of(p, scope);
}

/* Another key of the upstream, with the same model. Its copy is kept fresh while somebody wants to
 * know; the table is being walked through, so it keeps its place there. */
static double room_with_key(struct permits *p, const struct scope *scope, const char *label)
{
	const struct scope_name name = {scope->upstream->name, label, scope->model};
	struct scope *other = scopes_find(&p->scopes, &name);

	if (!other || other == scope)
		return 0;
	other->used_ms = permits_now(p);
	return room_if_open(p, other);
}

/* Who was sent back when no key might be used comes as soon as one may, whichever it stands for. */
static double room_with_other_keys(struct permits *p, const struct scope *scope)
{
	const struct config *c = permits_config(p);
	double room = room_with_key(p, scope, CONFIG_KEY_LABEL);

	for (size_t i = 0; i < c->upstream_keys_n; i++)
		if (strcmp(c->upstream_keys[i].upstream, scope->upstream->name) == 0)
			room = fmax(room, room_with_key(p, scope, c->upstream_keys[i].label));
	return room;
}

static double of_scope(struct permits *p, struct scope *scope)
{
	const int64_t now = permits_now(p);

	if (fmax(scope->line.resumed_ms, scope->parked_ms) <= (double)now)
		return 0;
	scopes_use(&p->scopes, scope, now);
	return is_open(scope->health, now) ? room_if_open(p, scope)
					   : room_with_other_keys(p, scope);
}

static double of_retries(struct permits *p, struct scope_upstream *up)
{
	const int64_t now = permits_now(p);

	return up->line.resumed_ms > (double)now ? retry_budget_left(&up->retries, now) : 0;
}

/* granted: in all, so far. */
static size_t take(struct scope_line *line, double room, uint64_t granted, int64_t now_ms)
{
	const size_t n = (size_t)fmax(0, fmin(room, CALLED_MAX));

	if (!n || (now_ms < line->again_ms && granted < line->enough))
		return 0;
	line->again_ms = now_ms + AGAIN_MS;
	line->enough = granted + n;
	return n;
}

static size_t put(struct parked_line *lines, size_t at, const struct scope_line *line, size_t n)
{
	if (n)
		lines[at] = (struct parked_line){line->id, n};
	return n > 0;
}

/* The scopes of a table, each by its own room. */
static size_t put_scopes(struct permits *p, struct scopes *scopes,
	double (*room)(struct permits *p, struct scope *scope), struct parked_line *lines,
	size_t max)
{
	const int64_t now = permits_now(p);
	struct ring *const end = &scopes->used, *const last = end->prev;
	struct ring *next;
	size_t n = 0;

	/* whoever is used goes behind the last */
	for (struct ring *at = end->next; at != end && n < max; at = next) {
		struct scope *scope = RING_OF(at, struct scope, used);

		next = at == last ? end : at->next;
		n += put(lines, n, &scope->line,
			take(&scope->line, room(p, scope), scope->granted_n, now));
	}
	return n;
}

size_t permits_spare(struct permits *p, struct parked_line *lines, size_t max)
{
	const int64_t now = permits_now(p);
	size_t n = put_scopes(p, &p->scopes, of_scope, lines, max);

	n += put_scopes(p, &p->payers, payer_spare, lines + n, max - n);
	for (struct scope_upstream *up = p->scopes.upstreams; up && n < max; up = up->next)
		n += put(lines, n, &up->line,
			take(&up->line, of_retries(p, up), up->retried_n, now));
	return n;
}
