#include "domain/role.h"

#include "domain/role_inside.h"

#include <stdlib.h>
#include <string.h>

/* ---- building ---- */

bool role_name_is_right(const char *name)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.");

	return len > 0 && len <= ROLE_NAME_MAX && name[len] == '\0' && strchr(letters, name[0]);
}

enum err role_book_new(struct role_book **ret_book)
{
	*ret_book = calloc(1, sizeof **ret_book);
	return *ret_book ? ERR_OK : ERR_NOMEM;
}

static void role_empty(struct role *role)
{
	for (size_t i = 0; i < role->rules_n; i++)
		rule_clear(&role->rules[i]);
	free(role->rules);
	role->rules = NULL;
	role->rules_n = role->parents_n = 0;
}

void role_book_free(struct role_book *book)
{
	if (!book)
		return;
	for (size_t i = 0; i < book->n; i++)
		role_empty(&book->roles[i]);
	free(book->roles);
	free(book->pairs);
	free(book);
}

/* Where a name stands, or may be put: half of the places are always free. */
static size_t index_place(const struct role_book *book, const char *name)
{
	size_t place = 5381;

	for (const char *at = name; *at; at++)
		place = place * 33 + (unsigned char)*at;
	place %= ROLE_INDEX;
	while (book->index[place] && strcmp(book->roles[book->index[place] - 1].name, name) != 0)
		place = (place + 1) % ROLE_INDEX;
	return place;
}

size_t role_book_find(const struct role_book *book, const char *role)
{
	uint16_t at = book->index[index_place(book, role)];

	return at ? at - 1u : ROLES_MAX;
}

static void pairs_forget(struct role_book *book)
{
	free(book->pairs);
	book->pairs = NULL;
}

static enum err find_or_add(struct role_book *book, const char *name, size_t *ret_at)
{
	size_t at = role_book_find(book, name);
	struct role *roles;

	if (at == ROLES_MAX) {
		if (book->n == ROLES_MAX || strlen(name) > ROLE_NAME_MAX)
			return ERR_TOO_LARGE;
		roles = realloc(book->roles, (book->n + 1) * sizeof *roles);
		if (!roles)
			return ERR_NOMEM;
		book->roles = roles;
		at = book->n++;
		memset(&roles[at], 0, sizeof roles[at]);
		(void)strcpy(roles[at].name, name);
		book->index[index_place(book, name)] = (uint16_t)book->n;
	}
	*ret_at = at;
	return ERR_OK;
}

enum err role_book_add(struct role_book *book, const char *role)
{
	size_t at;
	enum err e = find_or_add(book, role, &at);

	if (!e)
		book->roles[at].known = true;
	return e;
}

enum err role_book_parent_add(struct role_book *book, const char *role, const char *parent)
{
	size_t at, of = 0;
	enum err e = find_or_add(book, role, &at);

	if (!e)
		e = find_or_add(book, parent, &of);
	if (!e && book->roles[at].parents_n == ROLE_PARENTS_MAX)
		e = ERR_TOO_LARGE;
	if (!e)
		book->roles[at].parents[book->roles[at].parents_n++] = (uint16_t)of;
	return e;
}

enum err role_book_rule_add(
	struct role_book *book, const char *role, const char *rule, const char **ret_why)
{
	struct role *r;
	struct rule *rules;
	size_t at;
	enum err e = find_or_add(book, role, &at);

	*ret_why = "a role has too many rules";
	if (e)
		return e;
	r = &book->roles[at];
	if (r->rules_n == ROLE_RULES_MAX)
		return ERR_TOO_LARGE;
	rules = realloc(r->rules, (r->rules_n + 1) * sizeof *rules);
	if (!rules)
		return ERR_NOMEM;
	r->rules = rules;
	pairs_forget(book);
	e = rule_read(rule, &rules[r->rules_n], ret_why);
	if (!e)
		r->rules_n++;
	return e;
}

void role_book_empty(struct role_book *book, const char *role)
{
	size_t at = role_book_find(book, role);

	if (at < ROLES_MAX)
		role_empty(&book->roles[at]);
	pairs_forget(book);
}

bool role_book_has(const struct role_book *book, const char *role)
{
	size_t at = role_book_find(book, role);

	return at < ROLES_MAX && book->roles[at].known;
}

size_t role_book_n(const struct role_book *book)
{
	return book->n;
}

size_t role_book_rules_n(const struct role_book *book)
{
	size_t n = 0;

	for (size_t i = 0; i < book->n; i++)
		n += book->roles[i].built_in ? 0 : book->roles[i].rules_n;
	return n;
}

void role_book_build_in(struct role_book *book, const char *role)
{
	size_t at = role_book_find(book, role);

	if (at < ROLES_MAX)
		book->roles[at].built_in = true;
}

struct role_view role_book_at(const struct role_book *book, size_t at)
{
	const struct role *r = &book->roles[at];

	return (struct role_view){r->name, r->built_in, r->parents_n, r->rules_n};
}

bool role_book_view(const struct role_book *book, const char *role, struct role_view *ret_view)
{
	if (!role_book_has(book, role))
		return false;
	*ret_view = role_book_at(book, role_book_find(book, role));
	return true;
}

const char *role_book_parent(const struct role_book *book, const char *role, size_t i)
{
	return book->roles[book->roles[role_book_find(book, role)].parents[i]].name;
}

const char *role_book_rule(const struct role_book *book, const char *role, size_t i)
{
	return book->roles[role_book_find(book, role)].rules[i].text;
}

/* ---- what is reached, and how ---- */

void reach_from(
	struct reach *reach, const struct role_book *book, const char *const *roles, size_t n)
{
	memset(reach, 0, sizeof *reach);
	for (size_t i = 0; i < n; i++) {
		size_t at = role_book_find(book, roles[i]);

		if (at < ROLES_MAX)
			reach_add(reach, at, 0, ROLES_MAX);
	}
	for (size_t i = 0; i < reach->n; i++) {
		const struct role *role = &book->roles[reach->list[i]];

		for (size_t k = 0; k < role->parents_n; k++)
			reach_add(reach, role->parents[k], (uint16_t)(reach->level[i] + 1), i);
	}
}

void reach_add(struct reach *reach, size_t role, uint16_t level, size_t from)
{
	if (reach->seen[role])
		return;
	reach->seen[role] = true;
	reach->list[reach->n] = (uint16_t)role;
	reach->level[reach->n] = level;
	reach->from[reach->n++] = (uint16_t)from;
}

void reach_path(const struct reach *reach, const struct role_book *book, size_t at, struct buf *out)
{
	uint16_t way[ROLES_MAX];
	size_t n = 0;

	for (; at < ROLES_MAX; at = reach->from[at])
		way[n++] = reach->list[at];
	while (n > 0) {
		n--;
		(void)buf_printf(out, "%s%s", book->roles[way[n]].name, n ? " > " : "");
	}
}
