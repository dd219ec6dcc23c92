#include "ports/http.h"
#include "upstreams/permit_inside.h"

/* What an error says of the upstream. Not listed: nothing. */
enum fared { FARED_UNSAID, FARED_WELL, FARED_BADLY, FARED_KEY };
static const struct lesson {
	enum err err;
	enum fared fared;
	bool overload;
	bool unused; /* it took nothing of the limit of tokens */
} lessons[] = {
	{ERR_OK, FARED_WELL, false, false},
	{ERR_UP_DNS, FARED_BADLY, false, true},
	{ERR_UP_CONNECT, FARED_BADLY, false, true},
	{ERR_UP_TLS, FARED_BADLY, false, true},
	{ERR_UP_FIRST_BYTE, FARED_BADLY, true, false},
	{ERR_UP_STALLED, FARED_BADLY, true, false},
	{ERR_UP_408, FARED_BADLY, true, false},
	{ERR_UP_RATE, FARED_UNSAID, true, true},
	{ERR_UP_QUOTA, FARED_KEY, false, false},
	{ERR_UP_500, FARED_BADLY, false, false},
	{ERR_UP_502, FARED_BADLY, false, false},
	{ERR_UP_503, FARED_BADLY, true, false},
	{ERR_UP_504, FARED_BADLY, true, false},
	{ERR_UP_529, FARED_BADLY, true, false},
	{ERR_UP_TRUNCATED, FARED_BADLY, false, false},
	{ERR_UP_MALFORMED, FARED_BADLY, false, false},
	{ERR_UP_AUTH, FARED_KEY, false, false},
	{ERR_UP_REJECTED, FARED_WELL, false, false},
	{ERR_UP_FILTERED, FARED_WELL, false, false},
	{ERR_UP_TOO_LARGE, FARED_WELL, false, false},
	{ERR_ATTEMPT_TIMEOUT, FARED_BADLY, true, false},
};

static const struct lesson *lesson_of(enum err e)
{
	static const struct lesson none = {.fared = FARED_UNSAID};

	for (size_t i = 0; i < sizeof(lessons) / sizeof(lessons[0]); i++)
		if (lessons[i].err == e)
			return &lessons[i];
	return &none;
}

static void tell_guards(struct permits *p, const struct permit *permit, enum fared fared)
{
	static const struct breaker_counts none = {0, 0, 0}, ok = {1, 0, 0}, bad = {0, 1, 0};
	const struct breaker_counts of_model = fared == FARED_WELL    ? ok
					       : fared == FARED_BADLY ? bad
								      : none;
	const struct breaker_counts of_key = fared == FARED_WELL  ? ok
					     : fared == FARED_KEY ? bad
								  : none;
	struct scope *scope = permit->scope;
	const struct breaker_rule rule = guard_rule(permits_config(p), GUARD_MODEL);
	const struct breaker_rule key_rule = guard_rule(permits_config(p), GUARD_KEY);
	const int64_t now = permits_now(p);

	if (!permit->counted)
		guard_report(scope->breaker, &rule, permit->breaker_era, of_model, now);
	guard_report(scope->health, &key_rule, permit->health_era, of_key, now);
	if (scope->breaker->why || scope->health->why)
		shared_limits_hurry(p->shared);
}

void permit_answered(struct permits *p, struct permit *permit, int status)
{
	if (permit->stage != PERMIT_HELD || permit->counted ||
		!(permit->probe || permit->key_probe) || !http_succeeded(status))
		return;
	tell_guards(p, permit, FARED_WELL);
	permit->counted = true;
}

void permit_look_late(struct permits *p, struct permit *permit)
{
	struct scope *scope = permit->scope;
	const int64_t now = permits_now(p);

	if (permit->stage != PERMIT_HELD || permit->counted ||
		now - permit->since_ms < permits_config(p)->breaker.slow_first_token_ms)
		return;
	tell_guards(p, permit, FARED_BADLY);
	permit->counted = true;
	aimd_overloaded(&scope->aimd, (int64_t)scope->in_flight, scope->ceiling, now);
}

enum { CALLS_REMEMBERED = 10 };

/* As calls lately were: a mean of the first ones, in which each newer one then weighs as much. */
static void learn_size(struct scope *scope, const struct permit_outcome *outcome)
{
	double weight;

	if (outcome->tokens < 0 || outcome->output_tokens < 0)
		return;
	scope->measured_n += scope->measured_n < CALLS_REMEMBERED;
	weight = 1 / (double)scope->measured_n;
	scope->output_tokens += weight * (outcome->output_tokens - scope->output_tokens);
	scope->call_tokens += weight * (outcome->tokens - scope->call_tokens);
}

static void learn_limits(
	struct permits *p, struct permit *permit, const struct permit_outcome *outcome, bool unused)
{
	struct scope *scope = permit->scope;
	const bool learn = permits_config(p)->pacing.learn;
	const int64_t now = permits_now(p);
	struct quota *tokens = &scope->quota[RATE_TOKENS];

	for (size_t i = 0; outcome->headers && i < RATES; i++)
		quota_learn(&scope->quota[i], &outcome->headers->of[i], learn,
			now - permit->since_ms, now);
	if (outcome->tokens >= 0)
		quota_settle(tokens, outcome->tokens - permit->tokens, now);
	else if (unused)
		quota_settle(tokens, -permit->tokens, now);
	learn_size(scope, outcome);
	if (outcome->retry_after_ms > 0 && now + outcome->retry_after_ms > scope->floor_ms) {
		scope->floor_ms = now + outcome->retry_after_ms;
		scope->floor_untold_ms = scope->floor_ms;
		shared_limits_hurry(p->shared);
	}
}

void permit_learn(struct permits *p, struct permit *permit, const struct permit_outcome *outcome)
{
	struct scope *scope = permit->scope;
	const struct lesson *lesson = lesson_of(outcome->err);
	enum fared fared = lesson->fared;

	learn_limits(p, permit, outcome, lesson->unused);
	if (permit->retry && fared == FARED_WELL)
		retry_budget_give_back(&scope->upstream->retries, permits_now(p));
	if (lesson->overload)
		aimd_overloaded(
			&scope->aimd, (int64_t)scope->in_flight, scope->ceiling, permits_now(p));
	else if (fared == FARED_WELL)
		aimd_answered(&scope->aimd, (int64_t)scope->in_flight, scope->ceiling);
	/* whoever answers a probe, even with a refusal, is alive */
	if (permit->probe && outcome->status && fared == FARED_UNSAID)
		fared = FARED_WELL;
	if (permit->probe && (fared == FARED_UNSAID || fared == FARED_KEY))
		guard_probe_again(scope->breaker, permit->breaker_turn);
	if (permit->key_probe && (fared == FARED_UNSAID || fared == FARED_BADLY))
		guard_probe_again(scope->health, permit->health_turn);
	tell_guards(p, permit, fared);
}
