/* role_inside.h - the graph as its own files see it: role.c builds it, role_check.c
 * judges it, rights.c flattens it.
 *
 * Threads: one owner.  Memory: the book's. */
#ifndef DOMAIN_ROLE_INSIDE_H
#define DOMAIN_ROLE_INSIDE_H

#include "domain/role.h"
#include "ground/buf.h"

struct role {
	char name[ROLE_NAME_MAX + 1];
	bool built_in;
	bool known; /* else it is only named as a parent */
	uint16_t parents[ROLE_PARENTS_MAX];
	size_t parents_n;
	struct rule *rules;
	size_t rules_n;
};

enum { ROLE_SET_WORDS = ROLES_MAX / 64, ROLE_INDEX = 2 * ROLES_MAX };

/* Which two roles contradict each other where they stand on one level. That depends on their rules
 * alone, so it is asked once of each two, however many roles and holders have both. */
struct role_pairs {
	uint64_t asked[ROLES_MAX][ROLE_SET_WORDS], clash[ROLES_MAX][ROLE_SET_WORDS];
};

struct role_book {
	struct role *roles;
	size_t n;
	uint16_t index[ROLE_INDEX]; /* by name, open addressing: the place in roles + 1; 0: none */
	struct role_pairs *pairs;   /* NULL: not asked since rules changed */
	uint64_t compared;	    /* an allow with a deny: what checks cost */
};

/* ROLES_MAX when there is none. */
size_t role_book_find(const struct role_book *book, const char *role);

/* All roles reached from a set, nearest first, each once. */
struct reach {
	bool seen[ROLES_MAX];
	uint16_t list[ROLES_MAX], level[ROLES_MAX];
	uint16_t from[ROLES_MAX]; /* the place in list it was reached from; ROLES_MAX: it is held */
	size_t n;
};

void reach_add(struct reach *reach, size_t role, uint16_t level, size_t from);
void reach_from(
	struct reach *reach, const struct role_book *book, const char *const *roles, size_t n);
/* "analyst > guest": from what is held to the role at this place. */
void reach_path(
	const struct reach *reach, const struct role_book *book, size_t at, struct buf *out);

#endif
