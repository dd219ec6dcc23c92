/* role_check.c - what a graph of roles must not be: see role.h. */
#include "domain/role_inside.h"

#include <stdio.h>
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

static bool pair_contradicts(const struct reach *reach, const struct role_book *book, size_t i,
	size_t k, char why[ROLE_PATH_MAX])
{
	const struct role *a = &book->roles[reach->list[i]], *b = &book->roles[reach->list[k]];

	for (size_t x = 0; x < a->rules_n; x++)
		for (size_t y = 0; y < b->rules_n; y++)
			if (contradict(&a->rules[x], &b->rules[y])) {
				contradiction_tell(reach, book, &(struct place){i, &a->rules[x]},
					&(struct place){k, &b->rules[y]}, why);
				return true;
			}
	return false;
}

/* The list is in the order of levels. */
static enum err levels_check(
	const struct reach *reach, const struct role_book *book, char why[ROLE_PATH_MAX])
{
	for (size_t i = 0; i < reach->n; i++)
		for (size_t k = i; k < reach->n && reach->level[k] == reach->level[i]; k++)
			if (pair_contradicts(reach, book, i, k, why))
				return ERR_CONFLICT;
	return ERR_OK;
}

enum err role_book_check_set(
	const struct role_book *book, const char *const *roles, size_t n, char why[ROLE_PATH_MAX])
{
	struct reach reach;

	for (size_t i = 0; i < n; i++)
		if (!role_book_has(book, roles[i])) {
			(void)snprintf(why, ROLE_PATH_MAX, "there is no role %.64s", roles[i]);
			return ERR_NOT_FOUND;
		}
	reach_from(&reach, book, roles, n);
	return levels_check(&reach, book, why);
}

enum err role_book_check(const struct role_book *book, char why[ROLE_PATH_MAX])
{
	enum err e = cycles_check(book, why);

	for (size_t i = 0; !e && i < book->n; i++) {
		const char *name = book->roles[i].name;

		e = role_book_check_set(book, &name, 1, why);
	}
	return e;
}
