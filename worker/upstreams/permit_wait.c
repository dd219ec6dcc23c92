/* permit_wait.c - who waits here for leave, who goes back to the record, and when those come again.
 */
#include "upstreams/permit_inside.h"

#include <math.h>

enum {
	ROOM_LEAST = 2,
	LINE_OF_SLOTS = 20, /* the part of the slots in which a limit's line may be */
	RESUMED_PER_S = 50  /* behind a breaker nobody knows how fast it will go */
};
/* Parked jobs come a little faster than leave is given, so that somebody is always at hand. */
static const double PARKED_HURRY = 1.25;

/* Where nobody waits nothing is wanted: what rounding leaves of the sum would keep a lease here. */
static void unwant(struct quota *q, double amount, size_t waiting)
{
	q->wanted = waiting ? q->wanted - amount : 0;
}

static void leave(struct scope *scope, double tokens)
{
	scope->waiting--;
	unwant(&scope->quota[RATE_REQUESTS], 1, scope->waiting);
	unwant(&scope->quota[RATE_TOKENS], tokens, scope->waiting);
}

static void join(struct scope *scope, double tokens)
{
	scope->waiting++;
	scope->quota[RATE_REQUESTS].wanted += 1;
	scope->quota[RATE_TOKENS].wanted += tokens;
}

void permit_wait_leave(struct permits *p, struct permit *permit)
{
	if (permit->stage != PERMIT_WAITS)
		return;
	permit->place->in_line -= !permit_is_timed(permit->by);
	if (!scope_is_payer(permit->place))
		leave(permit->place, permit->tokens);
	for (size_t i = 0; i < permit->payers.n; i++)
		leave(permit->payers.list[i], permit->tokens);
	p->waiting--;
	permit->stage = PERMIT_NONE;
	permit->place = NULL;
}

/* Who waits for one of them still wants the tokens of all its payers: what is booked stays. */
void permit_wait_join(struct permits *p, struct permit *permit, enum permit_block by)
{
	permit->place = permit_place(permit, by);
	permit->place->in_line += !permit_is_timed(by);
	if (scope_is_payer(permit->place))
		permit->scope = NULL;
	else
		join(permit->place, permit->tokens);
	for (size_t i = 0; i < permit->payers.n; i++)
		join(permit->payers.list[i], permit->tokens);
	p->waiting++;
	permit->stage = PERMIT_WAITS;
	permit->by = by;
}

/* Leave per second that this worker may expect for the scope. */
static double expected_per_s(struct permits *p, struct scope *scope, double tokens)
{
	const struct quota_fleet fleet = permits_fleet(p);
	const double requests = quota_per_s(&scope->quota[RATE_REQUESTS], fleet);
	const double of_tokens = quota_per_s(&scope->quota[RATE_TOKENS], fleet) / fmax(1, tokens);
	double per_s = fmax(1, scope_grants_per_s(scope, permits_now(p)));

	if (requests > 0)
		per_s = requests;
	if (of_tokens > 0 && (requests <= 0 || of_tokens < per_s))
		per_s = of_tokens;
	return per_s;
}

static bool is_limited(const struct scope *scope)
{
	return scope->quota[RATE_REQUESTS].per_minute > 0 ||
	       scope->quota[RATE_TOKENS].per_minute > 0;
}

/* Places in line: as many as will get leave soon. What a limit does not give out in time is lost,
 * so some more are at hand there, for when the way through the record takes long. */
static double room(struct permits *p, struct scope *scope, double tokens)
{
	const struct config *c = permits_config(p);
	const double per_s = expected_per_s(p, scope, tokens);
	const double soon = per_s * (double)c->pacing.park_after_ms / 1000;
	const double line = per_s * (double)c->pacing.line_ms / 1000;
	const double part = (double)c->worker.slots / LINE_OF_SLOTS;

	return fmax(fmax(ROOM_LEAST, soon), is_limited(scope) ? fmin(line, part) : 0);
}

/* Places before a payer's limit: no job keeps a slot longer than the time that it may wait, and
 * one is enough to fetch what is there. */
static double payer_room(struct permits *p, struct scope *payer, double tokens)
{
	const double soon_s = (double)permits_config(p)->pacing.park_after_ms / 1000;

	return fmax(1, expected_per_s(p, payer, tokens) * soon_s);
}

/* A job in line keeps its place in the order of the pass; a newcomer is behind all of them. */
bool permit_may_stay(
	struct permits *p, const struct permit *permit, enum permit_block by, int64_t wait_ms)
{
	struct scope *place = permit_place(permit, by);
	const bool waits = permit->stage == PERMIT_WAITS;
	const int64_t waited_ms = waits ? permits_now(p) - permit->since_ms : 0;
	const bool in_time = waited_ms + wait_ms <= permits_config(p)->pacing.park_after_ms;
	const size_t before = waits ? place->passed_over : place->in_line;

	if (by == PERMIT_COPY)
		return true;
	if (permit_is_timed(by))
		return in_time;
	if (by == PERMIT_TOKENS)
		return in_time && (double)before < payer_room(p, place, permit->tokens);
	return (double)before < room(p, place, permit->tokens);
}

struct scope_line *permit_line_of(struct scope *place, enum permit_block by)
{
	return by == PERMIT_BUDGET ? &place->upstream->line : &place->line;
}

/* Behind a breaker jobs come back spread from its time on, at the pace this worker had before. */
static double resume_at(struct permits *p, struct scope *scope, struct scope_line *line,
	double tokens, int64_t wait_ms)
{
	const double per_s = fmax(fmax(RESUMED_PER_S, scope->usual_per_s),
		PARKED_HURRY * expected_per_s(p, scope, tokens));

	line->resumed_ms =
		fmax(line->resumed_ms, (double)(permits_now(p) + wait_ms)) + 1000 / per_s;
	return line->resumed_ms;
}

/* In line the fleet's k-th parked job comes back when the k-th leave after now may be had. Alone,
 * this worker's k-th one does; what the fleet is told later is the same either way. No line is
 * longer than a job may stand in it. */
static double line_at(struct permits *p, struct scope *scope, double tokens, int64_t wait_ms)
{
	const struct quota_fleet fleet = permits_fleet(p);
	const double now = (double)permits_now(p), from_ms = fmax(scope->parked_ms, now);
	const double most_ms = (double)permits_config(p)->pacing.park_max_s * 1000;
	const double room_ms = fmax(0, now + most_ms - from_ms);
	const double here_ms = 1000 / (PARKED_HURRY * expected_per_s(p, scope, tokens));
	const double fleet_ms = here_ms / fleet.workers;
	const double first_ms = scope->parked_ms > now ? 0 : fmax(0, (double)wait_ms - here_ms);

	scope->parked_ms = from_ms + fmin(room_ms, first_ms + (fleet.alone ? here_ms : fleet_ms));
	scope->parked_untold += fmin(room_ms, first_ms + fleet_ms);
	return scope->parked_ms;
}

/* Workers that park at once do not hear of each other until the next exchange, and give out the
 * same places; the line then goes on behind the sum of all, and nobody comes in between. So the
 * hole that this may leave is kept shorter than what is at hand. */
bool permit_may_park(struct permits *p, const struct scope *place, enum permit_block by)
{
	const struct quota_fleet fleet = permits_fleet(p);
	const double hole_ms = (double)permits_config(p)->pacing.line_ms / 2;

	return permit_is_timed(by) || fleet.alone ||
	       (place->parked_untold + place->parked_sending) * fleet.workers <= hole_ms;
}

int64_t permit_park_ms(struct permits *p, struct scope *place, enum permit_block by, double tokens,
	int64_t wait_ms)
{
	const double most_ms = (double)permits_config(p)->pacing.park_max_s * 1000;
	const double at_ms = permit_is_timed(by) ? resume_at(p, place, permit_line_of(place, by),
							   tokens, wait_ms)
						 : line_at(p, place, tokens, wait_ms);

	place->parked_n++;
	place->upstream->parked_n++;
	return (int64_t)fmax(1, fmin(most_ms, at_ms - (double)permits_now(p)));
}
