/* role_check.c - what a graph of roles must not be: see role.h. */
#include "domain/role_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void why_take(struct buf *text, char why[ROLE_PATH_MAX])
{
	(void)snprintf(why, ROLE_PATH_MAX, "%s", text->bytes ? text->bytes : "");
	buf_clear(text);
}

/* ---- cycles, and parents that are not there ---- */

/* A walk in depth: the roles on the way, and which parent of each is next. */
struct walk {
	uint16_t way[ROLES_MAX];
	uint8_t next[ROLES_MAX];
	size_t depth;
	uint8_t state[ROLES_MAX]; /* 0: not met, 1: on the way, 2: done */
};

static void step_in(struct walk *w, size_t role)
{
	w->state[role] = 1;
	w->way[w->depth] = (uint16_t)role;
	w->next[w->depth++] = 0;
}

static void cycle_tell(
	const struct walk *w, const struct role_book *book, size_t again, char why[ROLE_PATH_MAX])
{
	struct buf text;
	size_t i = 0;

	buf_init(&text, ROLE_PATH_MAX - 1);
	while (w->way[i] != again)
		i++;
	for (; i < w->depth; i++)
		(void)buf_printf(&text, "%s > ", book->roles[w->way[i]].name);
	(void)buf_printf(&text, "%s is a cycle", book->roles[again].name);
	why_take(&text, why);
}

static enum err meet(
	struct walk *w, const struct role_book *book, size_t role, char why[ROLE_PATH_MAX])
{
	if (!book->roles[role].known) {
		(void)snprintf(why, ROLE_PATH_MAX, "there is no role %s", book->roles[role].name);
		return ERR_CONFLICT;
	}
	if (w->state[role] == 1) {
		cycle_tell(w, book, role, why);
		return ERR_CONFLICT;
	}
	if (w->state[role] == 0)
		step_in(w, role);
	return ERR_OK;
}

static enum err walk_from(
	struct walk *w, const struct role_book *book, size_t start, char why[ROLE_PATH_MAX])
{
	enum err e = meet(w, book, start, why);

	while (!e && w->depth > 0) {
		size_t top = w->depth - 1;
		const struct role *role = &book->roles[w->way[top]];

		if (w->next[top] < role->parents_n) {
			e = meet(w, book, role->parents[w->next[top]++], why);
		} else {
			w->state[w->way[top]] = 2;
			w->depth--;
		}
	}
	return e;
}

static enum err cycles_check(const struct role_book *book, char why[ROLE_PATH_MAX])
{
	struct walk w = {.depth = 0};
	enum err e = ERR_OK;

	for (size_t i = 0; !e && i < book->n; i++)
		e = walk_from(&w, book, i, why);
	return e;
}

/* ---- contradictions ---- */

static bool contradict(const struct rule *a, const struct rule *b)
{
	const struct rule *allow = a->denies ? b : a, *deny = a->denies ? a : b;

	return a->denies != b->denies && (a->permissions & b->permissions) &&
	       rule_covers(deny, allow);
}

struct place {
	size_t role; /* in the reach */
	const struct rule *rule;
};

static void contradiction_tell(const struct reach *reach, const struct role_book *book,
	const struct place *a, const struct place *b, char why[ROLE_PATH_MAX])
{
	struct buf text;

	buf_init(&text, ROLE_PATH_MAX - 1);
	reach_path(reach, book, a->role, &text);
	(void)buf_printf(&text, ": \"%s\" contradicts ", a->rule->text);
	reach_path(reach, book, b->role, &text);
	(void)buf_printf(&text, ": \"%s\"", b->rule->text);
	why_take(&text, why);
}

/* The first two rules of two roles that contradict each other. */
static bool rules_clash(struct role_book *book, const struct role *a, const struct role *b,
	const struct rule **ret_a, const struct rule **ret_b)
{
	for (*ret_a = a->rules; *ret_a < a->rules + a->rules_n; ++*ret_a)
		for (*ret_b = b->rules; *ret_b < b->rules + b->rules_n; ++*ret_b) {
			book->compared += (*ret_a)->denies != (*ret_b)->denies;
			if (contradict(*ret_a, *ret_b))
				return true;
		}
	return false;
}

static void pair_ask(struct role_book *book, size_t a, size_t b)
{
	struct role_pairs *pairs = book->pairs;
	const struct rule *x, *y;
	uint64_t clash = rules_clash(book, &book->roles[a], &book->roles[b], &x, &y);

	pairs->asked[a][b / 64] |= (uint64_t)1 << b % 64;
	pairs->asked[b][a / 64] |= (uint64_t)1 << a % 64;
	pairs->clash[a][b / 64] |= clash << b % 64;
	pairs->clash[b][a / 64] |= clash << a % 64;
}

/* Does a role contradict any of a level's, itself among them? */
static bool clashes(struct role_book *book, size_t role, const uint64_t level[ROLE_SET_WORDS])
{
	uint64_t found = 0;

	for (size_t w = 0; w < ROLE_SET_WORDS; w++) {
		uint64_t ask = level[w] & ~book->pairs->asked[role][w];

		for (; ask; ask &= ask - 1)
			pair_ask(book, role, w * 64 + (size_t)__builtin_ctzll(ask));
		found |= level[w] & book->pairs->clash[role][w];
	}
	return found != 0;
}

/* From a place in the reach on: the first behind it that contradicts it. */
static void clash_tell(
	struct role_book *book, const struct reach *reach, size_t at, char why[ROLE_PATH_MAX])
{
	const uint64_t *clash = book->pairs->clash[reach->list[at]];
	const struct role *role = &book->roles[reach->list[at]];
	struct place a = {at, NULL}, b = {at, NULL};

	while (!(clash[reach->list[b.role] / 64] >> reach->list[b.role] % 64 & 1))
		b.role++;
	(void)rules_clash(book, role, &book->roles[reach->list[b.role]], &a.rule, &b.rule);
	contradiction_tell(reach, book, &a, &b, why);
}

/* One level stands from begin to end. */
static enum err level_check(struct role_book *book, const struct reach *reach, size_t begin,
	size_t end, char why[ROLE_PATH_MAX])
{
	uint64_t level[ROLE_SET_WORDS] = {0};

	for (size_t i = begin; i < end; i++)
		level[reach->list[i] / 64] |= (uint64_t)1 << reach->list[i] % 64;
	for (size_t i = begin; i < end; i++)
		if (clashes(book, reach->list[i], level)) {
			clash_tell(book, reach, i, why);
			return ERR_CONFLICT;
		}
	return ERR_OK;
}

/* The list is in the order of levels. */
static enum err levels_check(
	struct role_book *book, const struct reach *reach, char why[ROLE_PATH_MAX])
{
	enum err e = ERR_OK;

	if (!book->pairs)
		book->pairs = calloc(1, sizeof *book->pairs);
	if (!book->pairs)
		return ERR_NOMEM;
	for (size_t begin = 0, end; !e && begin < reach->n; begin = end) {
		for (end = begin; end < reach->n && reach->level[end] == reach->level[begin];)
			end++;
		e = level_check(book, reach, begin, end, why);
	}
	return e;
}

/* ---- bounds ---- */

static enum err bound_tell(const struct role_book *book, const struct reach *reach, size_t at,
	const char *what, char why[ROLE_PATH_MAX])
{
	struct buf text;

	buf_init(&text, ROLE_PATH_MAX - 1);
	(void)buf_text(&text, what);
	reach_path(reach, book, at, &text);
	why_take(&text, why);
	return ERR_CONFLICT;
}

static enum err bounds_check(
	const struct role_book *book, const struct reach *reach, char why[ROLE_PATH_MAX])
{
	char what[ROLE_PATH_MAX / 4];
	size_t rules = 0, i = 0;

	while (i < reach->n && reach->level[i] < ROLE_LEVELS_MAX && rules <= ROLE_TOGETHER_MAX)
		rules += book->roles[reach->list[i++]].rules_n;
	if (rules > ROLE_TOGETHER_MAX) {
		(void)snprintf(what, sizeof what,
			"more than %d rules are held together, the inherited ones among them: as far as ",
			ROLE_TOGETHER_MAX);
		return bound_tell(book, reach, i - 1, what, why);
	}
	if (i < reach->n) {
		(void)snprintf(what, sizeof what, "more than %d levels: ", ROLE_LEVELS_MAX);
		return bound_tell(book, reach, i, what, why);
	}
	return ERR_OK;
}

/* ---- both ---- */

static bool reaches(const struct role_book *book, const struct reach *reach, const char *role)
{
	size_t at = role ? role_book_find(book, role) : ROLES_MAX;

	return !role || (at < ROLES_MAX && reach->seen[at]);
}

enum err role_book_check_set(struct role_book *book, const char *changed, const char *const *roles,
	size_t n, char why[ROLE_PATH_MAX])
{
	struct reach reach;
	enum err e;

	for (size_t i = 0; i < n; i++)
		if (!role_book_has(book, roles[i])) {
			(void)snprintf(why, ROLE_PATH_MAX, "there is no role %.64s", roles[i]);
			return ERR_NOT_FOUND;
		}
	reach_from(&reach, book, roles, n);
	if (!reaches(book, &reach, changed))
		return ERR_OK;
	e = bounds_check(book, &reach, why);
	return e ? e : levels_check(book, &reach, why);
}

enum err role_book_check(struct role_book *book, const char *changed, char why[ROLE_PATH_MAX])
{
	enum err e = cycles_check(book, why);

	for (size_t i = 0; !e && i < book->n; i++) {
		const char *name = book->roles[i].name;

		e = role_book_check_set(book, changed, &name, 1, why);
	}
	return e;
}
