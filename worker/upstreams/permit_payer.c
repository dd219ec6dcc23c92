/* permit_payer.c - the tokens that calls may use: of a user, of each of its roles, of a tenant, of
 * all.
 *
 * A payer's scope has a quota of tokens and a line, and no breaker. What a call will use is taken
 * of all its payers when it begins, as calls like it lately used; what it used is settled with all
 * when it ended, as it was booked. So nobody is over a limit by more than its calls under way were
 * underrated, and what comes next waits until that is paid.
 *
 * Where several lack tokens a job stands in the line of the one that will lack them longest.
 */
#include "upstreams/permit_inside.h"

#include <math.h>
#include <string.h>

static const double CALL_MEMORY = 0.7;

static const enum err errs[LIMIT_LEVELS] = {
	[LIMIT_TOKENS] = ERR_TENANT_TOKENS,
	[LIMIT_TOKENS_GLOBAL] = ERR_GLOBAL_TOKENS,
	[LIMIT_TOKENS_ROLE] = ERR_ROLE_TOKENS,
	[LIMIT_TOKENS_USER] = ERR_USER_TOKENS,
};

enum err payer_err(const struct scope *payer)
{
	return errs[payer->payer.level];
}

static struct permit_limit limit_of(struct permits *p, const struct permit_payer *who)
{
	const struct permits_options *o = &p->options;

	return o->limit_of ? o->limit_of(o->limits, who) : (struct permit_limit){.per_minute = 0};
}

/* As its plan is now. */
static void limit_put(struct permits *p, struct scope *payer, const struct permit_limit *limit)
{
	quota_limit(&payer->quota[RATE_TOKENS], fmax(0, limit->per_minute), limit->burst,
		permits_fleet(p), permits_now(p));
}

/* ---- who pays ---- */

static enum permit_block payer_add(
	struct permits *p, const struct permit_payer *who, struct permit_payers *payers)
{
	const struct permit_limit limit = limit_of(p, who);
	struct scope *payer;

	if (limit.per_minute < 0)
		return PERMIT_COPY;
	if (limit.per_minute == 0)
		return PERMIT_NOTHING;
	payer = scopes_get_payer(&p->payers, who);
	if (!payer)
		return PERMIT_TOKENS;
	payer->kept = true;
	limit_put(p, payer, &limit);
	scopes_use(&p->payers, payer, permits_now(p));
	payers->list[payers->n++] = payer;
	return PERMIT_NOTHING;
}

/* The user comes first, its roles after it. */
static enum permit_block principal_add(
	struct permits *p, const struct permit_ask *ask, struct permit_payers *payers)
{
	struct permit_payer who = {LIMIT_TOKENS_USER, ask->tenant, NULL};
	enum permit_block by = PERMIT_NOTHING;
	char word[ROLE_NAME_MAX + 1];
	size_t len;

	for (const char *at = ask->principal; at && *at && by == PERMIT_NOTHING; at += len) {
		at += strspn(at, " ");
		len = strcspn(at, " ");
		if (!len || len >= sizeof(word) || payers->n == PERMIT_PAYERS_MAX)
			break;
		memcpy(word, at, len);
		word[len] = '\0';
		who.who = word;
		by = payer_add(p, &who, payers);
		who.level = LIMIT_TOKENS_ROLE;
	}
	return by;
}

enum permit_block payers_find(
	struct permits *p, const struct permit_ask *ask, struct permit_payers *ret_payers)
{
	const struct permit_payer all = {LIMIT_TOKENS_GLOBAL, {{0}}, ""};
	const struct permit_payer tenant = {LIMIT_TOKENS, ask->tenant, ""};
	enum permit_block by;

	ret_payers->n = 0;
	by = payer_add(p, &all, ret_payers);
	if (by == PERMIT_NOTHING)
		by = payer_add(p, &tenant, ret_payers);
	if (by == PERMIT_NOTHING)
		by = principal_add(p, ask, ret_payers);
	for (size_t i = 0; i < ret_payers->n; i++)
		ret_payers->list[i]->kept = false;
	return by;
}

/* ---- what they have ---- */

/* Its jobs go one after the other, also those that stand in another line by now. */
static bool is_behind(const struct permit *permit, const struct scope *payer)
{
	return permit->stage == PERMIT_WAITS ? payer->passed_over > 0 : payer->in_line > 0;
}

static enum permit_block payer_blocked(
	struct permits *p, const struct permit *permit, struct scope *payer, int64_t *ret_wait_ms)
{
	const struct quota_fleet fleet = permits_fleet(p);
	const int64_t now = permits_now(p);
	struct quota *tokens = &payer->quota[RATE_TOKENS];

	*ret_wait_ms = 0;
	if (!shared_limits_fresh(p->shared, payer))
		return PERMIT_COPY;
	if (quota_has(tokens, permit->tokens, fleet, now))
		return is_behind(permit, payer) ? PERMIT_TOKENS : PERMIT_NOTHING;
	*ret_wait_ms = quota_wait_ms(tokens, permit->tokens, fleet, payer->copied_ms, now);
	return PERMIT_TOKENS;
}

enum permit_block payers_blocked(struct permits *p, struct permit *permit, int64_t *ret_wait_ms)
{
	enum permit_block by = PERMIT_NOTHING;
	int64_t wait_ms;

	*ret_wait_ms = 0;
	permit->lacks = NULL;
	for (size_t i = 0; i < permit->payers.n && by != PERMIT_COPY; i++) {
		struct scope *payer = permit->payers.list[i];
		const enum permit_block one = payer_blocked(p, permit, payer, &wait_ms);

		if (one == PERMIT_NOTHING ||
			(one == PERMIT_TOKENS && by == PERMIT_TOKENS && wait_ms <= *ret_wait_ms))
			continue;
		by = one;
		permit->lacks = payer;
		*ret_wait_ms = wait_ms;
	}
	return by;
}

/* ---- what they pay ---- */

void payers_granted(struct permits *p, struct permit *permit)
{
	const int64_t now = permits_now(p);

	for (size_t i = 0; i < permit->payers.n; i++) {
		struct scope *payer = permit->payers.list[i];

		quota_take(&payer->quota[RATE_TOKENS], permit->tokens, permits_fleet(p), now);
		scope_granted(payer, now);
	}
}

static void payer_ended(struct permits *p, struct scope *payer, double booked, double taken)
{
	const int64_t now = permits_now(p);

	quota_settle(&payer->quota[RATE_TOKENS], booked - taken, now);
	if (booked > 0)
		payer->output_tokens =
			CALL_MEMORY * payer->output_tokens + (1 - CALL_MEMORY) * booked;
	scope_ended(payer);
	scopes_use(&p->payers, payer, now);
}

void payers_ended(struct permits *p, struct permit *permit, double booked)
{
	for (size_t i = 0; i < permit->payers.n; i++)
		payer_ended(p, permit->payers.list[i], booked, permit->tokens);
}

/* ---- what is left for jobs in the record ---- */

/* Where there is less than a call for each worker, each calls one job now and then. */
static double my_part(struct scope *payer, double calls)
{
	payer->spared += calls;
	if (payer->spared < 1)
		return 0;
	payer->spared = 0;
	return fmax(1, calls);
}

/* What is there is reckoned first, and only what seems enough is looked up: thousands of payers
 * may have jobs that wait in the record. */
double payer_spare(struct permits *p, struct scope *payer)
{
	const struct permit_limit limit = limit_of(p, &payer->payer);
	const struct quota_fleet fleet = permits_fleet(p);
	const int64_t now = permits_now(p);
	struct quota *tokens = &payer->quota[RATE_TOKENS];
	double calls;

	/* those who wait here for the same are first */
	if (payer->parked_ms <= (double)now || payer->in_line)
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
