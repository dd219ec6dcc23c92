#include "domain/limit_book.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct role_limit {
	enum limit_level level;
	char role[ROLE_NAME_MAX + 1];
	struct request_limit limit;
};

struct limit_plan {
	char name[LIMIT_PLAN_MAX + 1];
	bool says[LIMIT_LEVELS];
	struct request_limit levels[LIMIT_LEVELS];
	struct role_limit *roles;
	size_t roles_n;
};

struct limit_book_tenant {
	struct limit_book_tenant *next;
	struct id tenant;
	char plan[LIMIT_PLAN_MAX + 1]; /* "" = none any more */
};

/* ---- plans ---- */

void limit_plans_clear(struct limit_plans *plans)
{
	for (size_t i = 0; i < plans->n; i++)
		free(plans->list[i].roles);
	free(plans->list);
	*plans = (struct limit_plans){.n = 0};
}

static enum err role_put(struct limit_plan *plan, const struct limit_row *row)
{
	struct role_limit *roles = realloc(plan->roles, (plan->roles_n + 1) * sizeof *plan->roles);

	if (!roles)
		return ERR_NOMEM;
	plan->roles = roles;
	roles[plan->roles_n] = (struct role_limit){.level = row->level, .limit = row->limit};
	(void)snprintf(roles[plan->roles_n].role, sizeof roles->role, "%s", row->role);
	plan->roles_n++;
	return ERR_OK;
}

static enum err row_put(struct limit_plan *plan, const struct limit_row *row)
{
	if (limit_level_has_roles(row->level))
		return role_put(plan, row);
	if (row->level < LIMIT_LEVELS) {
		plan->says[row->level] = true;
		plan->levels[row->level] = row->limit;
	}
	return ERR_OK;
}

enum err limit_plans_make(const struct limit_row *rows, size_t n, struct limit_plans *ret_plans)
{
	struct limit_plans plans = {.list = calloc(n + 1, sizeof *plans.list)};
	enum err e = plans.list ? ERR_OK : ERR_NOMEM;

	for (size_t i = 0; !e && i < n; i++) {
		if (plans.n == 0 || strcmp(plans.list[plans.n - 1].name, rows[i].plan) != 0)
			(void)snprintf(plans.list[plans.n++].name, sizeof plans.list->name, "%s",
				rows[i].plan);
		e = row_put(&plans.list[plans.n - 1], &rows[i]);
	}
	if (e)
		limit_plans_clear(&plans);
	else
		*ret_plans = plans;
	return e;
}

/* ---- tenants ---- */

static size_t bucket_of(struct id tenant)
{
	return ((size_t)tenant.bytes[14] << 8 | tenant.bytes[15]) % LIMIT_BOOK_BUCKETS;
}

static struct limit_book_tenant *tenant_find(const struct limit_book *book, struct id tenant)
{
	struct limit_book_tenant *at = book->tenants[bucket_of(tenant)];

	while (at && !id_equal(at->tenant, tenant))
		at = at->next;
	return at;
}

static struct limit_book_tenant *tenant_add(struct limit_book *book, struct id tenant)
{
	struct limit_book_tenant **bucket = &book->tenants[bucket_of(tenant)];
	struct limit_book_tenant *added = calloc(1, sizeof *added);

	if (!added)
		return NULL;
	added->tenant = tenant;
	added->next = *bucket;
	*bucket = added;
	return added;
}

enum err limit_book_give(struct limit_book *book, struct id tenant, const char *plan)
{
	struct limit_book_tenant *at = tenant_find(book, tenant);

	if (!at)
		at = tenant_add(book, tenant);
	if (!at)
		return ERR_NOMEM;
	(void)snprintf(at->plan, sizeof at->plan, "%s", plan);
	return ERR_OK;
}

void limit_book_forget_tenants(struct limit_book *book)
{
	for (size_t i = 0; i < LIMIT_BOOK_BUCKETS; i++)
		for (struct limit_book_tenant *next; book->tenants[i]; book->tenants[i] = next) {
			next = book->tenants[i]->next;
			free(book->tenants[i]);
		}
}

void limit_book_clear(struct limit_book *book)
{
	limit_book_forget_tenants(book);
	limit_plans_clear(&book->plans);
}

/* ---- finding ---- */

static int plan_order(const void *name, const void *plan)
{
	return strcmp(name, ((const struct limit_plan *)plan)->name);
}

static const struct limit_plan *plan_named(const struct limit_plans *plans, const char *name)
{
	return plans->n ? bsearch(name, plans->list, plans->n, sizeof *plans->list, plan_order)
			: NULL;
}

struct limit_sources limit_book_of(const struct limit_book *book, struct id tenant)
{
	const struct limit_book_tenant *at = id_is_zero(tenant) ? NULL : tenant_find(book, tenant);

	return (struct limit_sources){
		.own = at && at->plan[0] ? plan_named(&book->plans, at->plan) : NULL,
		.usual = plan_named(&book->plans, LIMIT_PLAN_DEFAULT)};
}

static const struct request_limit *plan_says(
	const struct limit_plan *plan, enum limit_level level, const char *role)
{
	if (!plan)
		return NULL;
	if (!limit_level_has_roles(level))
		return plan->says[level] ? &plan->levels[level] : NULL;
	for (size_t i = 0; i < plan->roles_n; i++)
		if (plan->roles[i].level == level && strcmp(plan->roles[i].role, role) == 0)
			return &plan->roles[i].limit;
	return NULL;
}

const struct request_limit *limit_sources_say(
	const struct limit_sources *s, enum limit_level level, const char *role)
{
	const struct request_limit *limit = plan_says(s->own, level, role);

	return limit ? limit : plan_says(s->usual, level, role);
}
