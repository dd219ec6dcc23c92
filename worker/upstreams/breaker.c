#include "upstreams/breaker.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

static const int stage_percent[BREAKER_STAGES] = {5, 25, 50};

#define BREAKER_STATE_TEXT(name, text) [BREAKER_##name] = text,
static const char *const state_texts[BREAKER_STATES] = {BREAKER_STATE_TABLE(BREAKER_STATE_TEXT)};
static const char *const mode_texts[BREAKER_MODES] = {
	[BREAKER_AUTO] = "auto", [BREAKER_BLOCK] = "block", [BREAKER_ALLOW] = "allow"};

/* ---- the window ---- */

static void roll(struct breaker_window *w, int64_t window_ms, int64_t now_ms)
{
	const int64_t index = now_ms / window_ms;

	if (index == w->index)
		return;
	w->before = index == w->index + 1 ? w->now : (struct breaker_counts){0, 0, 0};
	w->now = (struct breaker_counts){0, 0, 0};
	w->index = index;
}

void breaker_window_add(
	struct breaker_window *w, int64_t window_ms, int64_t now_ms, struct breaker_counts more)
{
	roll(w, window_ms, now_ms);
	w->now.ok += more.ok;
	w->now.bad += more.bad;
	w->row = more.ok > 0 ? 0 : w->row + more.bad;
}

struct breaker_counts breaker_window_sum(
	struct breaker_window *w, int64_t window_ms, int64_t now_ms)
{
	double inside;

	roll(w, window_ms, now_ms);
	inside = 1.0 - (double)(now_ms % window_ms) / (double)window_ms;
	return (struct breaker_counts){
		w->now.ok + inside * w->before.ok, w->now.bad + inside * w->before.bad, w->row};
}

/* ---- the machine ---- */

static bool is_row(
	const struct breaker *b, const struct breaker_rule *rule, struct breaker_counts c)
{
	return b->state == BREAKER_CLOSED && rule->row_min > 0 && c.row >= rule->row_min &&
	       c.bad * 100 >= rule->row_percent * (c.ok + c.bad);
}

static bool is_bad(const struct breaker_rule *rule, struct breaker_counts c, double calls_min)
{
	const double all = c.ok + c.bad;

	return all >= calls_min && c.bad * 100 >= rule->failure_percent * all;
}

static int64_t open_ms(const struct breaker_rule *rule, int opened, uint64_t chance)
{
	int64_t ms = rule->base_ms;

	for (int i = 1; i < opened && ms < rule->max_ms; i++)
		ms *= 2;
	if (ms > rule->max_ms)
		ms = rule->max_ms;
	return ms + (int64_t)(chance % ((uint64_t)ms / 5 + 1));
}

static void to_open(
	struct breaker *b, const struct breaker_rule *rule, int64_t now_ms, uint64_t chance)
{
	b->state = BREAKER_OPEN;
	b->opened++;
	b->stage = 0;
	b->until_ms = now_ms + open_ms(rule, b->opened, chance);
}

static void to_stage(struct breaker *b, const struct breaker_rule *rule, int stage, int64_t now_ms)
{
	const bool closed = stage == BREAKER_STAGES || rule->ramp_ms <= 0;

	b->state = closed ? BREAKER_CLOSED : BREAKER_RAMPING;
	b->stage = closed ? 0 : stage;
	b->until_ms = closed ? 0 : now_ms + rule->ramp_ms;
	if (closed)
		b->opened = 0;
}

/* Calls that must be counted before failures decide: a probe is one, a stage needs a few. */
static double decisive(const struct breaker *b, const struct breaker_rule *rule)
{
	const double least[BREAKER_STATES] = {[BREAKER_CLOSED] = rule->calls_min,
		[BREAKER_OPEN] = INFINITY,
		[BREAKER_PROBING] = 1,
		[BREAKER_RAMPING] = fmin(rule->calls_min, BREAKER_RAMP_CALLS)};

	return least[b->state];
}

bool breaker_next(const struct breaker *b, const struct breaker_rule *rule,
	struct breaker_counts counts, int64_t now_ms, uint64_t chance, struct breaker *ret_next)
{
	struct breaker next = *b;

	if (is_row(b, rule, counts) || is_bad(rule, counts, decisive(b, rule)))
		to_open(&next, rule, now_ms, chance);
	else if (b->state == BREAKER_PROBING && counts.ok >= 1)
		to_stage(&next, rule, 0, now_ms);
	else if (b->state == BREAKER_RAMPING && now_ms >= b->until_ms && counts.ok >= 1)
		to_stage(&next, rule, b->stage + 1, now_ms);
	else
		return false;
	*ret_next = next;
	return true;
}

const char *breaker_why(const struct breaker *from, const struct breaker *to)
{
	const bool probed = from->state == BREAKER_PROBING;

	if (to->state == BREAKER_PROBING)
		return "probe";
	if (to->state == BREAKER_OPEN)
		return probed ? "probe_failed" : "failures";
	return probed ? "probe_answered" : "stage_passed";
}

bool breaker_probe(const struct breaker *b, const struct breaker_rule *rule, int64_t now_ms,
	struct breaker *ret_next)
{
	if ((b->state != BREAKER_OPEN && b->state != BREAKER_PROBING) || now_ms < b->until_ms)
		return false;
	*ret_next = *b;
	ret_next->state = BREAKER_PROBING;
	ret_next->until_ms = now_ms + rule->probe_ms;
	return true;
}

enum breaker_mode breaker_mode(const struct breaker *b, int64_t now_ms)
{
	return now_ms < b->mode_until_ms ? b->mode : BREAKER_AUTO;
}

int breaker_percent(const struct breaker *b, int64_t now_ms)
{
	const enum breaker_mode mode = breaker_mode(b, now_ms);

	if (mode != BREAKER_AUTO)
		return mode == BREAKER_ALLOW ? 100 : 0;
	if (b->state == BREAKER_RAMPING)
		return stage_percent[b->stage];
	return b->state == BREAKER_CLOSED ? 100 : 0;
}

/* ---- words ---- */

static int text_find(const char *const *texts, int n, const char *text)
{
	for (int i = 0; text && i < n; i++)
		if (strcmp(texts[i], text) == 0)
			return i;
	return n;
}

const char *breaker_state_text(enum breaker_state state)
{
	return state_texts[state];
}

const char *breaker_mode_text(enum breaker_mode mode)
{
	return mode_texts[mode];
}

enum breaker_state breaker_state_from_text(const char *text)
{
	return (enum breaker_state)text_find(state_texts, BREAKER_STATES, text);
}

enum breaker_mode breaker_mode_from_text(const char *text)
{
	return (enum breaker_mode)text_find(mode_texts, BREAKER_MODES, text);
}
