/* rights.c - roles flattened, and what they allow: see rights.h. */
#include "domain/rights.h"

#include "domain/role_inside.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* ---- flattening ---- */

static enum err right_make(struct right *right, const struct rule *rule, struct buf *path)
{
	const char *why;
	char *copy = path->bytes ? strdup(path->bytes) : NULL;
	enum err e = copy ? rule_read(rule->text, &right->rule, &why) : ERR_NOMEM;

	if (e)
		free(copy);
	else
		right->path = copy;
	return e;
}

static enum err rights_add(
	struct rights *rights, const struct reach *reach, const struct role_book *book, size_t at)
{
	const struct role *role = &book->roles[reach->list[at]];
	struct buf path;
	enum err e = ERR_OK;

	buf_init(&path, (size_t)ROLES_MAX * (ROLE_NAME_MAX + 4));
	reach_path(reach, book, at, &path);
	for (size_t i = 0; !e && i < role->rules_n; i++) {
		e = right_make(&rights->list[rights->n], &role->rules[i], &path);
		rights->n += !e;
	}
	buf_clear(&path);
	return e;
}

static enum err roles_add(struct rights *rights, const char *const *roles, size_t n)
{
	rights->roles = calloc(n + 1, sizeof *rights->roles);
	for (size_t i = 0; rights->roles && i < n; i++) {
		rights->roles[i] = strdup(roles[i]);
		if (!rights->roles[i])
			return ERR_NOMEM;
		rights->roles_n++;
	}
	return rights->roles ? ERR_OK : ERR_NOMEM;
}

static bool is_plain(const struct rule *rule)
{
	static const struct rule none = {.cost_max_nano = RULE_UNKNOWN};

	return rule_covers(rule, &none);
}

/* What rules say together. */
struct sums {
	permission_set denied, denied_plainly, allowed, allowed_plainly;
};

static void sums_add(struct sums *s, const struct rule *rule)
{
	permission_set plainly = is_plain(rule) ? rule->permissions : 0;

	*(rule->denies ? &s->denied : &s->allowed) |= rule->permissions;
	*(rule->denies ? &s->denied_plainly : &s->allowed_plainly) |= plainly;
}

static permission_set never(const struct sums *s)
{
	return s->denied_plainly | ~s->allowed;
}

static permission_set all_but(permission_set set)
{
	return ~set & (((permission_set)1 << PERMISSIONS) - 1);
}

static void rights_sum(struct rights *rights)
{
	struct sums sums = {0};

	for (size_t i = 0; i < rights->n; i++)
		sums_add(&sums, &rights->list[i].rule);
	rights->always = sums.allowed_plainly & ~sums.denied;
	rights->never = never(&sums);
}

permission_set rights_set_of(const struct role_book *book, const char *const *roles, size_t n)
{
	struct sums sums = {0};
	struct reach reach;

	reach_from(&reach, book, roles, n);
	for (size_t i = 0; i < reach.n; i++) {
		const struct role *role = &book->roles[reach.list[i]];

		for (size_t k = 0; k < role->rules_n; k++)
			sums_add(&sums, &role->rules[k]);
	}
	return all_but(never(&sums));
}

enum err rights_flatten(const struct role_book *book, const char *const *roles, size_t n,
	struct rights **ret_rights)
{
	struct rights *rights;
	struct reach reach;
	size_t rules = 0;
	enum err e = ERR_OK;

	reach_from(&reach, book, roles, n);
	for (size_t i = 0; i < reach.n; i++)
		rules += book->roles[reach.list[i]].rules_n;
	rights = calloc(1, sizeof *rights + rules * sizeof *rights->list);
	if (!rights)
		return ERR_NOMEM;
	rights->holders = 1;
	e = roles_add(rights, roles, n);
	for (size_t i = 0; !e && i < reach.n; i++)
		e = rights_add(rights, &reach, book, i);
	if (e) {
		rights_release(rights);
		return e;
	}
	rights_sum(rights);
	*ret_rights = rights;
	return ERR_OK;
}

struct rights *rights_hold(struct rights *rights)
{
	rights->holders++;
	return rights;
}

void rights_release(struct rights *rights)
{
	if (!rights || atomic_fetch_sub(&rights->holders, 1) > 1)
		return;
	for (size_t i = 0; i < rights->n; i++) {
		rule_clear(&rights->list[i].rule);
		free(rights->list[i].path);
	}
	for (size_t i = 0; i < rights->roles_n; i++)
		free(rights->roles[i]);
	free(rights->roles);
	free(rights);
}

/* ---- deciding ---- */

/* The first rule of this effect that holds. */
static const struct right *first(const struct rights *rights, bool denies, enum permission p,
	const struct rule_facts *facts, bool if_unknown)
{
	for (size_t i = 0; i < rights->n; i++) {
		const struct rule *rule = &rights->list[i].rule;

		if (rule->denies == denies && (rule->permissions & permission_bit(p)) &&
			rule_holds(rule, facts, if_unknown))
			return &rights->list[i];
	}
	return NULL;
}

bool rights_allow(const struct rights *rights, enum permission p, const struct rule_facts *facts,
	const struct right **ret_by)
{
	const struct right *deny, *by;

	if (ret_by)
		*ret_by = NULL;
	if (!rights)
		return false;
	if (!ret_by && (rights->always & permission_bit(p)))
		return true;
	deny = first(rights, true, p, facts, true);
	by = deny ? deny : first(rights, false, p, facts, false);
	if (ret_by)
		*ret_by = by;
	return by && !deny;
}

static int lacks(const struct rule *rule, const struct rule_facts *facts)
{
	int n = 0;

	for (enum rule_condition i = 0; i < RULE_CONDITIONS; i++)
		n += rule_ask(rule, facts, i) != RULE_HOLDS;
	return n;
}

const struct right *rights_nearest(
	const struct rights *rights, enum permission p, const struct rule_facts *facts)
{
	const struct right *nearest = NULL;
	int fewest = RULE_CONDITIONS + 1;

	for (size_t i = 0; rights && i < rights->n; i++) {
		const struct rule *rule = &rights->list[i].rule;

		if (rule->denies || !(rule->permissions & permission_bit(p)) ||
			lacks(rule, facts) >= fewest)
			continue;
		fewest = lacks(rule, facts);
		nearest = &rights->list[i];
	}
	return nearest;
}

bool rights_may_allow(
	const struct rights *rights, enum permission p, const struct rule_facts *facts)
{
	if (!rights || (rights->never & permission_bit(p)))
		return false;
	return (rights->always & permission_bit(p)) ||
	       (!first(rights, true, p, facts, false) && first(rights, false, p, facts, true));
}

permission_set rights_set(const struct rights *rights)
{
	return rights ? all_but(rights->never) : 0;
}

bool rights_are_operators(const struct rights *rights)
{
	return (rights_set(rights) & permission_operators()) != 0;
}

/* ---- comparing ---- */

/* For which of the asked permissions have rights a rule of this effect as wide as this one? */
static permission_set as_wide(
	const struct rights *rights, bool denies, const struct rule *rule, permission_set asked)
{
	permission_set met = 0;

	for (size_t i = 0; i < rights->n && (asked & ~met); i++) {
		const struct rule *mine = &rights->list[i].rule;

		if (mine->denies == denies && (mine->permissions & asked & ~met) &&
			rule_covers(mine, rule))
			met |= mine->permissions;
	}
	return met & asked;
}

/* Each rule of this effect that a has, b has as wide a one, where it is asked. */
static bool all_met(
	const struct rights *a, const struct rights *b, bool denies, permission_set asked)
{
	for (size_t i = 0; i < a->n; i++) {
		const struct rule *rule = &a->list[i].rule;
		permission_set p = rule->permissions & asked;

		if (rule->denies == denies && as_wide(b, denies, rule, p) != p)
			return false;
	}
	return true;
}

/* What b allows a must allow, and whatever a is denied b must be denied too. */
bool rights_cover(const struct rights *a, const struct rights *b)
{
	permission_set asked = all_but(a->always | b->never);

	return all_met(b, a, false, asked) && all_met(a, b, true, asked);
}

const struct right *rights_wider(const struct rights *rights, size_t i)
{
	const struct right *right = &rights->list[i];

	for (size_t k = 0; !right->rule.denies && k < rights->n; k++) {
		const struct right *other = &rights->list[k];

		if (!other->rule.denies && strcmp(other->path, right->path) != 0 &&
			(right->rule.permissions & ~other->rule.permissions) == 0 &&
			rule_covers(&other->rule, &right->rule))
			return other;
	}
	return NULL;
}
