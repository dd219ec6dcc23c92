#include "token_limits.h"

#include "ground/log.h"
#include "stores/limit_plan.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096 };

struct plan {
	char name[LIMIT_PLAN_MAX + 1];
	struct permit_limit limit;
};

struct tenant_entry {
	struct tenant_entry *next;
	struct id tenant;
	char plan[LIMIT_PLAN_MAX + 1]; /* "" = none any more */
};

struct token_limits {
	struct worker *worker;
	struct loop_timer *timer;
	bool known;
	struct plan *list; /* in force, by name */
	size_t n;
	bool follows; /* who has which plan, behind mark */
	struct limit_mark mark;
	int64_t oldest; /* of the first page of this time */
	bool paging;
	struct tenant_entry *tenants[BUCKETS];
};

/* ---- finding ---- */

static struct tenant_entry **tenant_place(struct token_limits *t, struct id tenant)
{
	const size_t hash = (size_t)tenant.bytes[14] << 8 | tenant.bytes[15];
	struct tenant_entry **at = &t->tenants[hash % BUCKETS];

	while (*at && !id_equal((*at)->tenant, tenant))
		at = &(*at)->next;
	return at;
}

static int plan_order(const void *name, const void *plan)
{
	return strcmp(name, ((const struct plan *)plan)->name);
}

static const struct plan *plan_named(const struct token_limits *t, const char *name)
{
	return bsearch(name, t->list, t->n, sizeof(*t->list), plan_order);
}

struct permit_limit token_limits_find(void *owner, struct id tenant)
{
	static const struct permit_limit unknown = {.per_minute = -1}, none = {.per_minute = 0};
	struct token_limits *t = owner;
	const struct tenant_entry *entry;
	const struct plan *plan = NULL;

	if (!t->known)
		return unknown;
	if (!t->n)
		return none;
	entry = *tenant_place(t, tenant);
	if (entry && entry->plan[0])
		plan = plan_named(t, entry->plan);
	if (!plan)
		plan = plan_named(t, LIMIT_PLAN_DEFAULT);
	return plan ? plan->limit : none;
}

/* ---- reading ---- */

static void tenants_forget(struct token_limits *t)
{
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct tenant_entry *next; t->tenants[i]; t->tenants[i] = next) {
			next = t->tenants[i]->next;
			free(t->tenants[i]);
		}
	t->mark = (struct limit_mark){.change = 0};
	t->paging = false;
}

static enum err tenant_put(struct token_limits *t, const struct limit_tenant *told)
{
	struct tenant_entry **at = tenant_place(t, told->tenant);

	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (!*at)
			return ERR_NOMEM;
		(*at)->tenant = told->tenant;
	}
	(void)snprintf((*at)->plan, sizeof((*at)->plan), "%s", told->plan);
	return ERR_OK;
}

static struct plan plan_of(const struct limit_row *row)
{
	struct plan plan = {
		.limit = {.per_minute = (double)row->limit.amount * 60 / row->limit.window_s,
			.burst = (double)row->limit.burst}};

	(void)snprintf(plan.name, sizeof(plan.name), "%s", row->plan);
	return plan;
}

/* Rows come by plan, in the order of bytes. */
static enum err list_put(struct token_limits *t, const struct limit_news *news)
{
	struct plan *list = calloc(news->rows_n + 1, sizeof(*list));

	if (!list)
		return ERR_NOMEM;
	for (size_t i = 0; i < news->rows_n; i++)
		list[i] = plan_of(&news->rows[i]);
	free(t->list);
	t->list = list;
	t->n = news->rows_n;
	t->known = true;
	return ERR_OK;
}

/* Where to ask next: behind this page, or from the oldest transaction as it was when the first page
 * of this time was read. */
static void mark_move(struct token_limits *t, const struct limit_news *news)
{
	if (!t->paging)
		t->oldest = news->oldest;
	t->paging = news->has_more;
	t->mark = news->has_more ? news->last : (struct limit_mark){.change = t->oldest};
}

/* Limits are in force when it is known whose they are. */
static enum err take(struct token_limits *t, const struct limit_news *news)
{
	enum err e = ERR_OK;

	if (!news->rows_n)
		tenants_forget(t);
	for (size_t i = 0; !e && t->follows && i < news->tenants_n; i++)
		e = tenant_put(t, &news->tenants[i]);
	if (!e && t->follows && news->rows_n)
		mark_move(t, news);
	if (!e && !t->paging && (t->follows || !news->rows_n))
		e = list_put(t, news);
	return e;
}

static void on_news(void *ctx, enum err e, const struct limit_news *news)
{
	struct token_limits *t = ctx;
	bool again = false;

	if (!e)
		e = take(t, news);
	if (e) {
		log_debug("limits of tokens were not read", LOG_ERR(e));
	} else {
		again = t->paging || (news->rows_n && !t->follows);
		t->follows = news->rows_n > 0;
	}
	loop_timer_start(t->timer, again ? 0 : (int64_t)TOKEN_LIMITS_LOOK_MS);
}

static void look(void *owner)
{
	struct token_limits *t = owner;

	if (limit_token_news(
		    worker_db_claim(t->worker), t->follows ? &t->mark : NULL, on_news, t) != ERR_OK)
		loop_timer_start(t->timer,
			t->known ? (int64_t)TOKEN_LIMITS_LOOK_MS : TOKEN_LIMITS_LOOK_MS / 10);
}

enum err token_limits_new(struct worker *worker, struct token_limits **ret_limits)
{
	struct token_limits *t = calloc(1, sizeof(*t));
	enum err e;

	if (!t)
		return ERR_NOMEM;
	t->worker = worker;
	e = loop_timer_new(worker->loop, look, t, &t->timer);
	if (e) {
		token_limits_free(t);
		return e;
	}
	loop_timer_start(t->timer, 0);
	*ret_limits = t;
	return ERR_OK;
}

void token_limits_free(struct token_limits *t)
{
	if (!t)
		return;
	loop_timer_free(t->timer);
	tenants_forget(t);
	free(t->list);
	free(t);
}
