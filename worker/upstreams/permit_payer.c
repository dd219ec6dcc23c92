/* permit_payer.c - the tokens that a tenant's calls may use.
 *
 * A tenant's scope has a quota of tokens and a line, and no breaker. What a call will use is taken
 * when it begins, as calls like it lately used; what it used is settled when it ended, as it was
 * booked. So a tenant is over its limit by no more than its calls under way were underrated, and
 * what comes next waits until that is paid.
 */
#include "upstreams/permit_inside.h"

#include <math.h>

static const double CALL_MEMORY = 0.7;

static struct permit_limit limit_of(struct permits *p, struct id tenant)
{
	const struct permits_options *o = &p->options;

	return o->limit_of ? o->limit_of(o->limits, tenant)
			   : (struct permit_limit){.per_minute = 0};
}

/* As its plan is now. */
static void limit_put(struct permits *p, struct scope *payer, const struct permit_limit *limit)
{
	quota_limit(&payer->quota[RATE_TOKENS], fmax(0, limit->per_minute), limit->burst,
		permits_fleet(p), permits_now(p));
}

enum permit_block payer_find(
	struct permits *p, const struct permit_ask *ask, struct scope **ret_payer)
{
	const struct permit_limit limit = limit_of(p, ask->tenant);
	struct scope *payer;

	*ret_payer = NULL;
	if (limit.per_minute < 0)
		return PERMIT_COPY;
	if (limit.per_minute == 0)
		return PERMIT_NOTHING;
	payer = scopes_get_payer(&p->payers, ask->tenant);
	if (!payer)
		return PERMIT_TOKENS;
	limit_put(p, payer, &limit);
	scopes_use(&p->payers, payer, permits_now(p));
	*ret_payer = payer;
	return PERMIT_NOTHING;
}

/* Its jobs go one after the other, also those that stand in an upstream's line by now. */
static bool is_behind(const struct permit *permit)
{
	return permit->stage == PERMIT_WAITS ? permit->payer->passed_over > 0
					     : permit->payer->in_line > 0;
}

enum permit_block payer_blocked(
	struct permits *p, const struct permit *permit, int64_t *ret_wait_ms)
{
	const struct quota_fleet fleet = permits_fleet(p);
	const int64_t now = permits_now(p);
	struct scope *payer = permit->payer;
	struct quota *tokens;

	*ret_wait_ms = 0;
	if (!payer)
		return PERMIT_NOTHING;
	if (!shared_limits_fresh(p->shared, payer))
		return PERMIT_COPY;
	tokens = &payer->quota[RATE_TOKENS];
	if (quota_has(tokens, permit->tokens, fleet, now))
		return is_behind(permit) ? PERMIT_TOKENS : PERMIT_NOTHING;
	*ret_wait_ms = quota_wait_ms(tokens, permit->tokens, fleet, payer->copied_ms, now);
	return PERMIT_TOKENS;
}

void payer_granted(struct permits *p, struct permit *permit)
{
	const int64_t now = permits_now(p);

	if (!permit->payer)
		return;
	quota_take(&permit->payer->quota[RATE_TOKENS], permit->tokens, permits_fleet(p), now);
	scope_granted(permit->payer, now);
}

void payer_ended(struct permits *p, struct permit *permit, double booked)
{
	const int64_t now = permits_now(p);
	struct scope *payer = permit->payer;

	if (!payer)
		return;
	quota_settle(&payer->quota[RATE_TOKENS], booked - permit->tokens, now);
	if (booked > 0)
		payer->output_tokens =
			CALL_MEMORY * payer->output_tokens + (1 - CALL_MEMORY) * booked;
	scope_ended(payer);
	scopes_use(&p->payers, payer, now);
}

/* Where there is less than a call for each worker, each calls one job now and then. */
static double my_part(struct scope *payer, double calls)
{
	payer->spared += calls;
	if (payer->spared < 1)
		return 0;
	payer->spared = 0;
	return fmax(1, calls);
}

/* What is there is reckoned first, and only what seems enough is looked up: thousands of tenants
 * may have jobs that wait in the record. */
double payer_spare(struct permits *p, struct scope *payer)
{
	const struct permit_limit limit = limit_of(p, payer->tenant);
	const struct quota_fleet fleet = permits_fleet(p);
	const int64_t now = permits_now(p);
	struct quota *tokens = &payer->quota[RATE_TOKENS];
	double calls;

	if (payer->parked_ms <= (double)now || payer->waiting)
		return 0;
	limit_put(p, payer, &limit);
	if (limit.per_minute <= 0)
		return limit.per_minute < 0 ? 0 : INFINITY;
	calls = quota_left(tokens, fleet, payer->copied_ms, now) * tokens->capacity /
		fmax(1, payer->output_tokens);
	if (calls < 1)
		return 0;
	scopes_use(&p->payers, payer, now);
	return shared_limits_fresh(p->shared, payer)
		       ? my_part(payer, fleet.alone ? calls : calls / fleet.workers)
		       : 0;
}
