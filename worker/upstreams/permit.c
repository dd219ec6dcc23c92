#include "upstreams/permit_inside.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
	WAKE_MS = 100, /* at latest */
	NO_MEMORY_MS = 1000,
	BYTES_PER_TOKEN = 4
};

#define PERMIT_BLOCK_ROW(name, err, wait) [PERMIT_##name] = {err, wait},
static const struct {
	enum err err;
	enum job_wait wait;
} blocks[PERMIT_BLOCKS] = {PERMIT_BLOCK_TABLE(PERMIT_BLOCK_ROW)};

enum err permit_block_err(enum permit_block by)
{
	return blocks[by].err;
}

enum job_wait permit_block_wait(enum permit_block by)
{
	return blocks[by].wait;
}

/* ---- looking ---- */

static struct scope *scope_of(struct permits *p, const struct permit_ask *ask)
{
	const struct scope_name name = {
		ask->upstream->name, ask->key, ask->model ? ask->model : ""};

	return scopes_get(&p->scopes, &name);
}

static void configure(struct permits *p, struct scope *scope, const struct permit_ask *ask)
{
	const struct config *c = permits_config(p);
	const struct quota_fleet fleet = permits_fleet(p);
	const int64_t now = permits_now(p);
	const struct quota_rule rules[RATES] = {
		[RATE_REQUESTS] = {(double)ask->upstream->requests_per_minute, 0, &c->pacing},
		[RATE_TOKENS] = {(double)ask->upstream->tokens_per_minute, scope->call_tokens,
			&c->pacing},
	};

	for (size_t i = 0; i < RATES; i++)
		quota_configure(&scope->quota[i], &rules[i], fleet, now);
	scope->quota[RATE_REQUESTS].call = 1;
	retry_budget_limit(&scope->upstream->retries, (double)c->retry.budget_percent,
		(double)c->retry.budget_least_per_minute / 60 / fleet.workers, now);
	scope->ceiling = ask->ceiling;
}

/* What the call will use: as much as calls lately did, but no more than it may. */
static double tokens_of(const struct scope *scope, const struct permit_ask *ask)
{
	const double input = (double)ask->input_bytes / BYTES_PER_TOKEN;
	const double most = ask->output_max > 0 ? (double)ask->output_max : INFINITY;

	return input + fmin(most, scope->output_tokens);
}

/* Which of its limits has too little left. */
static enum hold quotas_lack(struct permits *p, struct scope *scope, double tokens)
{
	const struct quota_fleet fleet = permits_fleet(p);
	const int64_t now = permits_now(p);

	if (!quota_has(&scope->quota[RATE_REQUESTS], 1, fleet, now))
		return HOLD_REQUESTS;
	return quota_has(&scope->quota[RATE_TOKENS], tokens, fleet, now) ? HOLD_NONE : HOLD_TOKENS;
}

static bool too_many(const struct scope *scope)
{
	return scope->upstream->in_flight >= (size_t)scope->ceiling ||
	       scope->in_flight >= (size_t)aimd_limit(&scope->aimd, scope->ceiling);
}

enum permit_block permit_blocked(
	struct permits *p, struct scope *scope, bool retry, double tokens, int64_t *ret_wait_ms)
{
	const int64_t now = permits_now(p);
	struct retry_budget *retries = &scope->upstream->retries;
	enum hold lacks;

	*ret_wait_ms = 0;
	if (!shared_limits_fresh(p->shared, scope))
		return PERMIT_COPY;
	if (now < scope->floor_ms) {
		*ret_wait_ms = scope->floor_ms - now;
		return PERMIT_RETRY_AFTER;
	}
	if (!guard_may(scope->breaker, now, ret_wait_ms))
		return PERMIT_BREAKER;
	if (!guard_may(scope->health, now, ret_wait_ms))
		return PERMIT_KEY;
	if (retry && !retry_budget_has(retries, now)) {
		*ret_wait_ms = retry_budget_wait_ms(retries, now);
		return PERMIT_BUDGET;
	}
	lacks = too_many(scope) ? HOLD_CONCURRENCY : quotas_lack(p, scope, tokens);
	if (lacks == HOLD_NONE)
		return PERMIT_NOTHING;
	scope->lacks = lacks;
	return lacks == HOLD_CONCURRENCY ? PERMIT_CONCURRENCY : PERMIT_PACING;
}

/* ---- granting ---- */

/* Each job is one draw of a ramp's stage, however often it asks. */
static void draw(struct permit *permit, struct guard *g)
{
	if (permit->drawn_of != g || permit->drawn_turn != g->turn)
		guard_draw(g);
	permit->drawn_of = g;
	permit->drawn_turn = g->turn;
}

static void grant(struct permits *p, struct permit *permit, const struct permit_ask *ask)
{
	struct scope *scope = permit->scope;
	const struct quota_fleet fleet = permits_fleet(p);
	const int64_t now = permits_now(p);
	bool probe, key_probe;

	draw(permit, scope->breaker);
	probe = guard_enter(scope->breaker, now);
	key_probe = guard_enter(scope->health, now);
	scope->upstream->retried_n += ask->retry;
	if (ask->retry)
		retry_budget_take(&scope->upstream->retries, now);
	else
		retry_budget_first(&scope->upstream->retries, now);
	quota_take(&scope->quota[RATE_REQUESTS], 1, fleet, now);
	quota_take(&scope->quota[RATE_TOKENS], permit->tokens, fleet, now);
	scope_granted(scope, now);
	payers_granted(p, permit);
	permit->stage = PERMIT_HELD;
	permit->since_ms = now;
	permit->breaker_era = scope->breaker->era;
	permit->health_era = scope->health->era;
	permit->breaker_turn = scope->breaker->turn;
	permit->health_turn = scope->health->turn;
	permit->probe = probe;
	permit->key_probe = key_probe;
	permit->counted = false;
	permit->retry = ask->retry;
}

/* ---- waiting ---- */

static void wake_by(struct permits *p, int64_t wait_ms)
{
	if (wait_ms <= 0 || wait_ms > WAKE_MS)
		wait_ms = WAKE_MS;
	if (!loop_timer_active(p->timer))
		loop_timer_start(p->timer, wait_ms);
}

static void on_timer(void *owner)
{
	struct permits *p = owner;

	if (!p->waiting)
		return;
	p->options.wake(p->options.owner);
}

/* The guard that said no learns of it, also when another upstream stands in and nobody waits:
 * whoever was left alone must be tried. */
static void refused(
	struct permits *p, struct permit *permit, const struct scope *scope, enum permit_block by)
{
	struct guard *g = by == PERMIT_BREAKER ? scope->breaker : scope->health;
	const struct breaker_rule rule = guard_rule(permits_config(p), g->kind);

	if (by != PERMIT_BREAKER && by != PERMIT_KEY)
		return;
	draw(permit, g);
	guard_wanted(g, &rule, shared_limits_alone(p->shared), permits_now(p));
	if (g->why)
		shared_limits_hurry(p->shared);
}

static bool is_by_hand(struct permits *p, const struct scope *scope, enum permit_block by)
{
	const struct guard *g = by == PERMIT_BREAKER ? scope->breaker : scope->health;

	return (by == PERMIT_BREAKER || by == PERMIT_KEY) &&
	       breaker_mode(&g->now, permits_now(p)) == BREAKER_BLOCK;
}

static enum err parked_err(struct permits *p, const struct permit *permit, enum permit_block by)
{
	if (is_by_hand(p, permit->scope, by))
		return ERR_UP_BLOCKED;
	return by == PERMIT_TOKENS ? payer_err(permit->lacks) : permit_block_err(by);
}

/* Who is only behind others in line is held by what they lack. */
static enum hold hold_of(struct permits *p, const struct permit *permit, enum permit_block by)
{
	return by == PERMIT_PACING ? permit->scope->lacks
				   : hold_from_err(parked_err(p, permit, by));
}

static struct permit_verdict stay_or_park(
	struct permits *p, struct permit *permit, enum permit_block by, int64_t wait_ms)
{
	const bool stays = permit_may_stay(p, permit, by, wait_ms);
	struct scope *place = permit_place(permit, by);
	struct permit_verdict verdict = {
		.answer = PERMIT_WAIT, .by = by, .hold = hold_of(p, permit, by)};

	permit_wait_leave(p, permit);
	if (!stays && !permit_may_park(p, place, by)) {
		verdict.by = by = PERMIT_COPY;
		wait_ms = 0;
		shared_limits_hurry(p->shared);
	}
	if (stays || by == PERMIT_COPY) {
		permit_wait_join(p, permit, by);
		if (!place->passed_over && !scope_is_payer(place))
			place->quota[RATE_TOKENS].call = permit->tokens;
		place->passed_over += !permit_is_timed(by);
		permit->not_before_ms = permit_is_timed(by) ? permits_now(p) + wait_ms : 0;
		wake_by(p, wait_ms);
		return verdict;
	}
	verdict.answer = PERMIT_PARK;
	verdict.err = by == PERMIT_TOKENS ? payer_err(place) : permit_block_err(by);
	verdict.by_hand = is_by_hand(p, permit->scope, by);
	verdict.line = permit_line_of(place, by)->id;
	verdict.park_ms = permit_park_ms(p, place, by, permit->tokens, wait_ms);
	*permit = (struct permit){.scope = NULL};
	return verdict;
}

void permits_again(struct permits *p)
{
	p->pass++;
}

/* What an ask is about. */
struct asked {
	struct scope *scope;
	struct permit_payers payers;
	bool unknown; /* what they may use */
};

static void pass_begin(struct permits *p, struct scope *scope)
{
	if (scope->pass == p->pass)
		return;
	scope->pass = p->pass;
	scope->passed_over = 0;
}

/* As they are now: to look at one is to use it, so its copy is kept fresh. False: no room. */
static bool asked_find(struct permits *p, const struct permit_ask *ask, struct asked *ret)
{
	const enum permit_block by = payers_find(p, ask, &ret->payers);

	ret->unknown = by == PERMIT_COPY;
	ret->scope = by == PERMIT_TOKENS ? NULL : scope_of(p, ask);
	if (!ret->scope)
		return false;
	pass_begin(p, ret->scope);
	for (size_t i = 0; i < ret->payers.n; i++)
		pass_begin(p, ret->payers.list[i]);
	scopes_use(&p->scopes, ret->scope, permits_now(p));
	configure(p, ret->scope, ask);
	return true;
}

/* Whoever stands in line goes before those behind. */
static bool is_behind(const struct permit *permit)
{
	const struct scope *scope = permit->scope, *place = permit->place;

	if (place && place == scope)
		return !permit_is_timed(permit->by) && place->passed_over;
	return scope->in_line > 0;
}

static enum permit_block blocked_by(struct permits *p, struct permit *permit,
	const struct asked *asked, bool retry, int64_t *ret_wait_ms)
{
	enum permit_block by = payers_blocked(p, permit, ret_wait_ms);

	if (asked->unknown)
		return PERMIT_COPY;
	if (by != PERMIT_NOTHING)
		return by;
	by = permit_blocked(p, permit->scope, retry, permit->tokens, ret_wait_ms);
	return by == PERMIT_NOTHING && is_behind(permit) ? PERMIT_PACING : by;
}

static bool are_same(const struct permit_payers *a, const struct permit_payers *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->list, b->list, a->n * sizeof(a->list[0])));
}

/* The permit itself where it waits for this scope, or for a payer's tokens; else a new one. */
static struct permit permit_for(struct permits *p, const struct permit *permit,
	const struct asked *asked, const struct permit_ask *ask)
{
	struct permit same = *permit;

	if (permit->stage == PERMIT_WAITS && are_same(&permit->payers, &asked->payers) &&
		(permit->place == asked->scope || scope_is_payer(permit->place))) {
		same.scope = asked->scope;
		return same;
	}
	return (struct permit){.scope = asked->scope,
		.payers = asked->payers,
		.tokens = tokens_of(asked->scope, ask),
		.drawn_of = permit->drawn_of,
		.drawn_turn = permit->drawn_turn,
		.since_ms = permit->stage == PERMIT_WAITS ? permit->since_ms : permits_now(p)};
}

static bool key_refused_lately(struct permits *p, struct scope *scope)
{
	const struct breaker_rule rule = guard_rule(permits_config(p), GUARD_KEY);

	return guard_failed_lately(scope->health, &rule, permits_now(p));
}

struct permit_verdict permit_look(
	struct permits *p, struct permit *permit, const struct permit_ask *ask)
{
	struct permit_verdict verdict = {.answer = PERMIT_PARK, .by = PERMIT_CONCURRENCY};
	struct permit asking;
	struct asked asked;
	int64_t wait_ms;

	if (!asked_find(p, ask, &asked))
		return verdict;
	asking = permit_for(p, permit, &asked, ask);
	verdict.calls = asked.scope->in_flight;
	verdict.granted = asked.scope->granted_n;
	verdict.refused_lately = key_refused_lately(p, asked.scope);
	verdict.by = blocked_by(p, &asking, &asked, ask->retry, &wait_ms);
	refused(p, permit, asked.scope, verdict.by);
	if (verdict.by == PERMIT_NOTHING)
		verdict.answer = PERMIT_GRANTED;
	else if (permit_may_stay(p, &asking, verdict.by, wait_ms))
		verdict.answer = PERMIT_WAIT;
	return verdict;
}

/* No place where it could stand, or no memory. */
static struct permit_verdict no_room(struct permits *p, struct permit *permit)
{
	permit_wait_leave(p, permit);
	*permit = (struct permit){.scope = NULL};
	return (struct permit_verdict){.answer = PERMIT_PARK,
		.by = PERMIT_CONCURRENCY,
		.err = ERR_UP_CONCURRENCY,
		.park_ms = NO_MEMORY_MS};
}

struct permit_verdict permit_take(
	struct permits *p, struct permit *permit, const struct permit_ask *ask)
{
	const int64_t early_ms = permit->not_before_ms - permits_now(p);
	struct permit asking;
	struct asked asked;
	enum permit_block by;
	int64_t wait_ms;

	if (!asked_find(p, ask, &asked))
		return no_room(p, permit);
	if (permit->stage == PERMIT_WAITS && permit->place == asked.scope && early_ms > 0) {
		wake_by(p, early_ms);
		return (struct permit_verdict){.answer = PERMIT_WAIT,
			.by = permit->by,
			.hold = hold_of(p, permit, permit->by)};
	}
	asking = permit_for(p, permit, &asked, ask);
	if (asking.stage == PERMIT_NONE)
		permit_wait_leave(p, permit);
	*permit = asking;
	by = blocked_by(p, permit, &asked, ask->retry, &wait_ms);
	if (by != PERMIT_NOTHING) {
		refused(p, permit, asked.scope, by);
		if (by == PERMIT_COPY || by == PERMIT_PACING || by == PERMIT_TOKENS)
			shared_limits_hurry(p->shared);
		return stay_or_park(p, permit, by, wait_ms);
	}
	permit_wait_leave(p, permit);
	grant(p, permit, ask);
	return (struct permit_verdict){.answer = PERMIT_GRANTED, .by = PERMIT_NOTHING};
}

void permit_end(struct permits *p, struct permit *permit, const struct permit_outcome *outcome)
{
	struct scope *scope = permit->scope;

	permit_wait_leave(p, permit);
	if (permit->stage == PERMIT_HELD) {
		permit_learn(p, permit, outcome);
		payers_ended(p, permit, outcome->booked);
		scope_ended(scope);
		scopes_use(&p->scopes, scope, permits_now(p));
		if (p->waiting)
			p->options.wake(p->options.owner);
	}
	*permit = (struct permit){.scope = NULL};
}

/* ---- the whole ---- */

void permits_flush(struct permits *p)
{
	shared_limits_flush(p->shared);
}

enum err permits_new(const struct permits_options *options, struct permits **ret_permits)
{
	struct permits *p = calloc(1, sizeof(*p));
	enum err e;

	if (!p)
		return ERR_NOMEM;
	p->options = *options;
	scopes_init(&p->scopes);
	scopes_init(&p->payers);
	e = loop_timer_new(options->loop, on_timer, p, &p->timer);
	if (!e)
		e = shared_limits_new(options, &p->scopes, &p->payers, &p->shared);
	if (e) {
		permits_free(p);
		return e;
	}
	*ret_permits = p;
	return ERR_OK;
}

void permits_free(struct permits *p)
{
	if (!p)
		return;
	shared_limits_free(p->shared);
	loop_timer_free(p->timer);
	scopes_clear(&p->scopes);
	scopes_clear(&p->payers);
	free(p);
}
