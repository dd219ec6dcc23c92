/* role.h - a tenant's roles: a graph, checked when it is written, flattened when it is read.
 *
 * A role has rules of its own and parents whose rules it inherits. Who holds roles
 * holds all that is reached from them. Levels count from there: the held roles are
 * level 0, their parents level 1; a role reached on two ways stands on the nearer.
 *
 *   deny wins      whatever level it stands on
 *   default deny   what no rule allows is not allowed
 *   contradiction  on one level, a rule allows what another one denies wherever the first
 *                  holds: neither author can have meant it. Refused at write time, and so
 *                  is a cycle, a parent that is not there, and a graph beyond its bounds:
 *                  what checking and flattening cost grows with them
 *
 * A deny with narrower conditions than the rule beside it, or on another level, is no
 * contradiction: that is how an exception is written.
 *
 * What follows for those who hold roles is rights.h.
 *
 * Threads: a book has one owner.  Memory: it copies what it is given. */
#ifndef DOMAIN_ROLE_H
#define DOMAIN_ROLE_H

#include "domain/rule.h"

enum {
	ROLE_NAME_MAX = 64,
	ROLES_MAX = 512, /* of one tenant, with the built-in ones */
	ROLE_PARENTS_MAX = 8,
	ROLE_RULES_MAX = 64, /* of one role, without the inherited ones */
	ROLES_HELD_MAX = 16, /* by one principal */
	ROLE_LEVELS_MAX = 16,
	ROLE_TOGETHER_MAX = 1024,   /* rules that are held together, with the inherited ones */
	ROLE_BOOK_RULES_MAX = 4096, /* of all roles of one tenant, without the built-in ones */
	ROLE_PATH_MAX = 512,
};

/* 1 to 64 of a-z, 0-9, - _ and .; begins with a letter or a digit. */
bool role_name_is_right(const char *name);

struct role_book;

MUST_CHECK enum err role_book_new(struct role_book **ret_book);
/* NULL is fine. */
void role_book_free(struct role_book *book);
/* In any order; a role comes to be by being named first, here or as a parent.
 *   ERR_TOO_LARGE  beyond the bounds above     ERR_NOMEM
 *   ERR_INVALID_FIELD  rule_add: the text is no rule; *ret_why says so in words */
MUST_CHECK enum err role_book_add(struct role_book *book, const char *role);
MUST_CHECK enum err role_book_parent_add(
	struct role_book *book, const char *role, const char *parent);
MUST_CHECK enum err role_book_rule_add(
	struct role_book *book, const char *role, const char *rule, const char **ret_why);
/* Forgets its rules and parents, so that others may be given. */
void role_book_empty(struct role_book *book, const char *role);
/* It is the installation's: a tenant's roles may build upon it and not change it. */
void role_book_build_in(struct role_book *book, const char *role);
bool role_book_has(const struct role_book *book, const char *role);

/* One role as it stands in the book. */
struct role_view {
	const char *name;
	bool built_in;
	size_t parents_n, rules_n;
};
size_t role_book_n(const struct role_book *book);
/* False: there is no such role. */
bool role_book_view(const struct role_book *book, const char *role, struct role_view *ret_view);
struct role_view role_book_at(const struct role_book *book, size_t at);
const char *role_book_parent(const struct role_book *book, const char *role, size_t i);
const char *role_book_rule(const struct role_book *book, const char *role, size_t i);

/* Of all roles but the built-in ones. */
size_t role_book_rules_n(const struct role_book *book);

/* What is wrong with the graph, as a path: "analyst > guest > analyst is a cycle". changed: the one
 * role that was not so when all was checked before; only what reaches it is asked about. NULL: any.
 *   ERR_OK   every role can be held by itself
 *   ERR_CONFLICT  why says what stands in the way     ERR_NOMEM */
MUST_CHECK enum err role_book_check(
	struct role_book *book, const char *changed, char why[ROLE_PATH_MAX]);
/* The same for one set of roles held together; the graph itself has been checked. One that does not
 * reach what changed is well.
 *   ERR_NOT_FOUND  a role is not there */
MUST_CHECK enum err role_book_check_set(struct role_book *book, const char *changed,
	const char *const *roles, size_t n, char why[ROLE_PATH_MAX]);

#endif
