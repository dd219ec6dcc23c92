#include "upstreams/guard.h"

#include "ground/digest.h"
#include "ground/log.h"

#include <math.h>

/* A refused job asks again after this where nobody knows better (a probe is under way), and at
 * latest after that: an operator's word may have changed everything. */
enum { ASK_AGAIN_MS = 100, ASK_LATEST_MS = 10000, STAGE_FIRST = 1 };

static const char *const kind_texts[GUARD_KINDS] = {[GUARD_MODEL] = "model", [GUARD_KEY] = "key"};

const char *guard_kind_text(enum guard_kind kind)
{
	return kind_texts[kind];
}

/* A key is no matter of degree: refusals in a row, at whatever pace, as other keys stand in for one
 * that was refused; and nothing else in the window, since some models may refuse a good key. */
struct breaker_rule guard_rule(const struct config *config, enum guard_kind kind)
{
	const struct config_breaker *c = &config->breaker;

	if (kind == GUARD_KEY)
		return (struct breaker_rule){.window_ms = c->window_ms,
			.calls_min = INFINITY,
			.failure_percent = 100,
			.row_min = (double)c->key_refusals,
			.row_percent = 100,
			.base_ms = c->key_base_ms,
			.max_ms = c->key_max_ms,
			.probe_ms = c->probe_ms};
	return (struct breaker_rule){.window_ms = c->window_ms,
		.calls_min = (double)c->calls_min,
		.failure_percent = (double)c->failure_percent,
		.row_min = (double)c->failures_in_row,
		.base_ms = c->open_base_ms,
		.max_ms = c->open_max_ms,
		.probe_ms = c->probe_ms,
		.ramp_ms = c->ramp_ms};
}

/* ---- moving ---- */

static void counts_reset(struct guard *g, int64_t window_ms, int64_t now_ms)
{
	g->own = (struct breaker_window){.index = now_ms / window_ms};
	g->fleet = g->sending = g->untold = (struct breaker_counts){0, 0, 0};
}

static void told_people(const struct guard *g, const char *why)
{
	log_warn("a breaker moved", LOG_TEXT("upstream", g->upstream),
		LOG_TEXT("of", guard_kind_text(g->kind)), LOG_TEXT("guard", g->id),
		LOG_TEXT("state", breaker_state_text(g->now.state)), LOG_TEXT("why", why),
		LOG_INT("opened", g->now.opened));
}

static void take_place(struct guard *g, const struct breaker *next)
{
	const bool stage = next->state != g->now.state || next->stage != g->now.stage;

	if (next->state == BREAKER_OPEN && g->now.state != BREAKER_OPEN)
		g->era++;
	if (next->state != BREAKER_PROBING)
		g->probe_mine = false;
	if (stage)
		g->drawn = g->admitted = 0;
	g->turn++;
	g->now = *next;
}

static void move(struct guard *g, const struct breaker_rule *rule, const struct breaker *next,
	int64_t now_ms)
{
	const char *why = breaker_why(&g->now, next);

	take_place(g, next);
	counts_reset(g, rule->window_ms, now_ms);
	g->proposal = *next;
	g->why = why;
	g->probe_asked = false;
	g->proposal_sent = false;
	told_people(g, why);
}

/* The fleet's counts with what it has not been told yet; alone, one's own. */
static struct breaker_counts counts(
	struct guard *g, const struct breaker_rule *rule, int64_t now_ms)
{
	const struct breaker_counts own = breaker_window_sum(&g->own, rule->window_ms, now_ms);
	const double ok = g->sending.ok + g->untold.ok, bad = g->sending.bad + g->untold.bad;
	const struct breaker_counts all = {
		g->fleet.ok + ok, g->fleet.bad + bad, ok > 0 ? g->own.row : g->fleet.row + bad};

	return own.ok + own.bad > all.ok + all.bad ? own : all;
}

static void judge(struct guard *g, const struct breaker_rule *rule, int64_t now_ms)
{
	struct breaker next;
	uint64_t chance;

	digest_random(&chance, sizeof(chance));
	if (breaker_next(&g->now, rule, counts(g, rule, now_ms), now_ms, chance, &next))
		move(g, rule, &next, now_ms);
}

/* ---- leave to call ---- */

/* A probe that nobody made in time is another worker's by now. */
static bool probe_is_mine(const struct guard *g, int64_t now_ms)
{
	return g->now.state == BREAKER_PROBING && g->probe_mine && now_ms < g->probe_until_ms;
}

static bool stage_admits(const struct guard *g, int percent)
{
	return g->admitted < STAGE_FIRST + g->drawn * percent / 100;
}

bool guard_may(const struct guard *g, int64_t now_ms, int64_t *ret_wait_ms)
{
	const int percent = breaker_percent(&g->now, now_ms);
	const bool blocked = breaker_mode(&g->now, now_ms) == BREAKER_BLOCK;
	int64_t until_ms = blocked ? g->now.mode_until_ms : g->now.until_ms;

	if (percent == 100 || (percent > 0 && stage_admits(g, percent)))
		return true;
	if (!blocked && probe_is_mine(g, now_ms))
		return true;
	if (g->now.state == BREAKER_PROBING && !blocked)
		until_ms = 0;
	*ret_wait_ms = until_ms > now_ms ? until_ms - now_ms : ASK_AGAIN_MS;
	if (*ret_wait_ms > ASK_LATEST_MS)
		*ret_wait_ms = ASK_LATEST_MS;
	return false;
}

bool guard_enter(struct guard *g, int64_t now_ms)
{
	const bool probe = probe_is_mine(g, now_ms);

	g->admitted += g->now.state == BREAKER_RAMPING;
	if (probe)
		g->probe_mine = false;
	return probe;
}

void guard_draw(struct guard *g)
{
	g->drawn += g->now.state == BREAKER_RAMPING;
}

void guard_wanted(struct guard *g, const struct breaker_rule *rule, bool alone, int64_t now_ms)
{
	struct breaker next;

	judge(g, rule, now_ms);
	if ((g->why && !alone) || breaker_mode(&g->now, now_ms) == BREAKER_BLOCK ||
		!breaker_probe(&g->now, rule, now_ms, &next))
		return;
	if (alone) {
		move(g, rule, &next, now_ms);
		g->probe_mine = true;
		g->probe_until_ms = next.until_ms;
	} else {
		g->proposal = next;
		g->probe_asked = true;
		g->why = breaker_why(&g->now, &next);
		g->proposal_sent = false;
	}
}

void guard_report(struct guard *g, const struct breaker_rule *rule, unsigned era,
	struct breaker_counts more, int64_t now_ms)
{
	if (era != g->era)
		return;
	breaker_window_add(&g->own, rule->window_ms, now_ms, more);
	g->untold.ok += more.ok;
	g->untold.bad += more.bad;
	judge(g, rule, now_ms);
}

bool guard_failed_lately(struct guard *g, const struct breaker_rule *rule, int64_t now_ms)
{
	return counts(g, rule, now_ms).bad > 0;
}

void guard_probe_again(struct guard *g, unsigned turn)
{
	if (g->now.state == BREAKER_PROBING && g->turn == turn)
		g->probe_mine = true;
}

/* ---- the exchange ---- */

void guard_send(struct guard *g)
{
	g->sending = g->untold;
	g->untold = (struct breaker_counts){0, 0, 0};
	g->proposal_sent = g->why != NULL;
}

void guard_untold(struct guard *g)
{
	g->untold.ok += g->sending.ok;
	g->untold.bad += g->sending.bad;
	g->sending = (struct breaker_counts){0, 0, 0};
	g->proposal_sent = false;
}

/* The fleet forgot (Redis was emptied), this worker did not. */
static bool fleet_forgot(const struct guard *g, const struct guard_news *news)
{
	return news->version < g->version && g->now.state != BREAKER_CLOSED;
}

static void adopt(struct guard *g, const struct breaker_rule *rule, const struct guard_news *news,
	int64_t now_ms)
{
	const bool moved = news->version != g->version && news->now.state != g->now.state;
	const bool changed = news->version != g->version;
	const bool mine = news->won ? g->probe_asked || g->probe_mine : g->probe_mine && !changed;
	const unsigned turn = g->turn;

	take_place(g, &news->now);
	if (!changed || (news->won && !g->probe_asked))
		g->turn = turn; /* no news, or its own move told */
	if (changed && !news->won)
		counts_reset(g, rule->window_ms, now_ms);
	if (mine && news->won)
		g->probe_until_ms = news->probe_until_ms;
	g->version = news->version;
	g->fleet = news->counts;
	g->sending = (struct breaker_counts){0, 0, 0};
	g->why = NULL;
	g->probe_asked = false;
	g->probe_mine = mine && g->now.state == BREAKER_PROBING;
	if (moved)
		told_people(g, news->won ? "won" : "another worker's word");
}

void guard_told(struct guard *g, const struct breaker_rule *rule, const struct guard_news *news,
	int64_t now_ms)
{
	g->copied_ms = now_ms;
	g->now.mode = news->now.mode;
	g->now.mode_until_ms = news->now.mode_until_ms;
	if (g->why && !g->proposal_sent)
		return; /* it moved while the exchange was under way: the next one tells */
	if (fleet_forgot(g, news)) {
		g->version = news->version;
		g->proposal = g->now;
		g->probe_asked = false;
		g->why = "restored";
		g->proposal_sent = false;
		return;
	}
	adopt(g, rule, news, now_ms);
	judge(g, rule, now_ms);
}
