/* rights.h - what follows from the roles that somebody holds: rules, flattened.
 *
 * Deciding reads no graph. A permission that is held without conditions and denied by
 * no rule is one test of a bit, and so is one that no rule allows. Deny wins; what no
 * rule allows is not allowed.
 *
 * Threads: rights never change and may be read by any; the count is atomic.
 * Memory: they copy what they need of the book. */
#ifndef DOMAIN_RIGHTS_H
#define DOMAIN_RIGHTS_H

#include "domain/role.h"

/* A rule and the way to it from what is held. */
struct right {
	struct rule rule;
	char *path; /* "analyst > guest" */
};

struct rights {
	_Atomic unsigned holders;
	permission_set always; /* allowed without conditions, denied by no rule */
	permission_set never;  /* denied without conditions, or allowed by no rule */
	char **roles;	       /* as they were held, the inherited ones not among them */
	size_t roles_n;
	size_t n;
	struct right list[];
};

/* Of roles held together; those that are not in the book count for nothing. Of a graph with a
 * cycle, which nobody can write, each role counts once.   ERR_NOMEM */
MUST_CHECK enum err rights_flatten(const struct role_book *book, const char *const *roles, size_t n,
	struct rights **ret_rights);
struct rights *rights_hold(struct rights *rights);
/* NULL is fine. */
void rights_release(struct rights *rights);

/* Is it allowed? ret_by (may be NULL) is the rule that decided: the deny, else the first allow;
 * NULL when no rule allows it. rights may be NULL: nothing is allowed. */
bool rights_allow(const struct rights *rights, enum permission p, const struct rule_facts *facts,
	const struct right **ret_by);
/* Of the rules that allow it under some conditions the one that lacks fewest of them, the first of
 * equals; NULL: none would. */
const struct right *rights_nearest(
	const struct rights *rights, enum permission p, const struct rule_facts *facts);
/* Could it be allowed once more is known than facts tell? False: it never will be. */
bool rights_may_allow(
	const struct rights *rights, enum permission p, const struct rule_facts *facts);
/* Does a allow all that b allows, as far as their rules tell? Who gives roles to others must. */
bool rights_cover(const struct rights *a, const struct rights *b);
/* The first rule of another role that allows all that the rule at i allows, which has no effect
 * beside it; NULL: there is none, or the rule denies. */
const struct right *rights_wider(const struct rights *rights, size_t i);
/* All that may be allowed under some condition. */
permission_set rights_set(const struct rights *rights);
/* The same of roles held together, without flattening them. */
permission_set rights_set_of(const struct role_book *book, const char *const *roles, size_t n);
/* Something of the installation's own is among it: nobody of a tenant's may hold that. */
bool rights_are_operators(const struct rights *rights);

#endif
