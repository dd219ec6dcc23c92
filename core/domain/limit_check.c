#include "domain/limit_check.h"

#include "ground/buf.h"

#include <stdio.h>
#include <string.h>

/* Which levels are wider than one. */
static const bool wider[LIMIT_LEVELS][LIMIT_LEVELS] = {
	[LIMIT_TENANT] = {[LIMIT_GLOBAL] = true},
	[LIMIT_IP] = {[LIMIT_GLOBAL] = true},
	[LIMIT_ROLE] = {[LIMIT_GLOBAL] = true, [LIMIT_TENANT] = true},
	[LIMIT_USER] = {[LIMIT_GLOBAL] = true, [LIMIT_TENANT] = true},
	[LIMIT_TOKENS] = {[LIMIT_TOKENS_GLOBAL] = true},
	[LIMIT_TOKENS_ROLE] = {[LIMIT_TOKENS_GLOBAL] = true, [LIMIT_TOKENS] = true},
	[LIMIT_TOKENS_USER] = {[LIMIT_TOKENS_GLOBAL] = true, [LIMIT_TOKENS] = true},
};

/* The rows as they would be. */
struct look {
	const struct limit_rows *rows;
	const struct limit_row *changed;
	bool removed;
};

static bool is_same(const struct limit_row *a, const struct limit_row *b)
{
	return a->level == b->level && strcmp(a->plan, b->plan) == 0 &&
	       strcmp(a->role, b->role) == 0;
}

static const struct limit_row *row_of(
	const struct look *l, const char *plan, enum limit_level level)
{
	const struct limit_row *at;

	if (l->changed->level == level && strcmp(l->changed->plan, plan) == 0)
		return l->removed ? NULL : l->changed;
	for (size_t i = 0; i < l->rows->n; i++) {
		at = &l->rows->list[i];
		if (at->level == level && strcmp(at->plan, plan) == 0)
			return at;
	}
	return NULL;
}

/* What holds at a level for a plan. No level that is wider than another has names. */
static struct limit_row wide_of(const struct look *l, const char *plan, enum limit_level level)
{
	const struct limit_row *row = row_of(l, plan, level);

	if (!row)
		row = row_of(l, LIMIT_PLAN_DEFAULT, level);
	if (row)
		return *row;
	return (struct limit_row){NULL, level, "", l->rows->configured[level]};
}

static bool lets_more_in(const struct request_limit *a, const struct request_limit *b)
{
	return a->amount && b->amount &&
	       (double)a->amount * b->window_s > (double)b->amount * a->window_s;
}

/* What a row contradicts of which the change decides: all, where it is the changed one itself. */
static bool clashes(const struct look *l, const struct limit_row *narrow, struct limit_clash *ret)
{
	const bool is_changed = narrow == l->changed;

	for (size_t i = 0; i < LIMIT_LEVELS && narrow->level < LIMIT_LEVELS; i++) {
		struct limit_row wide;

		if (!wider[narrow->level][i] || (!is_changed && l->changed->level != i))
			continue;
		wide = wide_of(l, narrow->plan, (enum limit_level)i);
		if (!lets_more_in(&narrow->limit, &wide.limit))
			continue;
		*ret = (struct limit_clash){*narrow, wide};
		return true;
	}
	return false;
}

bool limit_contradicts(const struct limit_rows *rows, const struct limit_row *changed, bool removed,
	struct limit_clash *ret_clash)
{
	const struct look l = {rows, changed, removed};

	if (!removed && clashes(&l, changed, ret_clash))
		return true;
	for (size_t i = 0; i < rows->n; i++)
		if (!is_same(&rows->list[i], changed) && clashes(&l, &rows->list[i], ret_clash))
			return true;
	return false;
}

static void name_put(struct buf *out, const struct limit_row *row)
{
	(void)buf_printf(out, "%s/%s%s%s", row->plan ? row->plan : "request_limits",
		limit_level_text(row->level), row->role[0] ? ":" : "", row->role);
}

void limit_clash_tell(const struct limit_clash *clash, char ret_why[LIMIT_WHY_MAX])
{
	const struct request_limit *narrow = &clash->narrow.limit, *wide = &clash->wide.limit;
	struct buf text;

	buf_init(&text, LIMIT_WHY_MAX - 1);
	(void)buf_text(&text, "contradicts: ");
	name_put(&text, &clash->narrow);
	(void)buf_text(&text, " > ");
	name_put(&text, &clash->wide);
	(void)buf_printf(&text, ": %lld in %d s can never come through %lld in %d s",
		(long long)narrow->amount, (int)narrow->window_s, (long long)wide->amount,
		(int)wide->window_s);
	(void)snprintf(ret_why, LIMIT_WHY_MAX, "%s",
		buf_err(&text) ? "contradicts another limit" : text.bytes);
	buf_clear(&text);
}
