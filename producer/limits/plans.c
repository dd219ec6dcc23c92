#include "limits/plans.h"

#include "ground/log.h"
#include "ports/loop.h"
#include "producer.h"
#include "stores/limit_plan.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 4096, TICK_MS = 100 };

struct role_limit {
	char role[ROLE_NAME_MAX + 1];
	struct request_limit limit;
};

struct plan {
	char name[LIMIT_PLAN_MAX + 1];
	bool says[LIMIT_LEVELS];
	struct request_limit levels[LIMIT_LEVELS];
	struct role_limit *roles;
	size_t roles_n;
};

struct tenant_entry {
	struct tenant_entry *next;
	struct id tenant;
	char plan[LIMIT_PLAN_MAX + 1]; /* "" = none any more */
};

struct plans {
	struct producer *producer;
	pthread_mutex_t lock;
	struct plan *list; /* by name */
	size_t n;
	struct tenant_entry *tenants[BUCKETS];
	_Atomic bool known, any;
	_Atomic int64_t producers;
	struct loop_timer *timer;
	struct record_item item; /* the one reading under way */
	_Atomic bool reading, hurry;
	int64_t until_look_ms;
	struct limit_mark mark;
	int64_t oldest; /* of the first page of this time */
	bool paging;
};

/* ---- the configuration's ---- */

struct request_limit plans_configured(const struct config *config, enum limit_level level)
{
	const struct config_request_limits *c = &config->request_limits;
	const int64_t amounts[LIMIT_LEVELS] = {[LIMIT_GLOBAL] = c->global_requests,
		[LIMIT_TENANT] = c->tenant_requests,
		[LIMIT_IP] = c->ip_requests,
		[LIMIT_USER] = c->user_requests};
	struct request_limit limit = {.amount = amounts[level], .window_s = (int32_t)c->window_s};

	limit.burst = limit.amount * c->burst_percent / 100;
	if (limit.burst < 1)
		limit.burst = 1;
	return limit;
}

static bool config_any(const struct config *config)
{
	for (size_t i = 0; i < LIMIT_REQUEST_LEVELS; i++)
		if (plans_configured(config, (enum limit_level)i).amount)
			return true;
	return false;
}

bool plans_known(const struct plans *p)
{
	return p->known;
}

bool plans_any(const struct plans *p)
{
	return p->any || !p->known || config_any(p->producer->config);
}

int64_t plans_producers(const struct plans *p)
{
	return p->producers;
}

/* ---- finding ---- */

static struct tenant_entry **tenant_place(struct plans *p, struct id tenant)
{
	const size_t hash = (size_t)tenant.bytes[14] << 8 | tenant.bytes[15];
	struct tenant_entry **at = &p->tenants[hash % BUCKETS];

	while (*at && !id_equal((*at)->tenant, tenant))
		at = &(*at)->next;
	return at;
}

static int plan_order(const void *name, const void *plan)
{
	return strcmp(name, ((const struct plan *)plan)->name);
}

static const struct plan *plan_named(const struct plans *p, const char *name)
{
	return p->n ? bsearch(name, p->list, p->n, sizeof *p->list, plan_order) : NULL;
}

static const struct request_limit *level_of(const struct plan *plan, enum limit_level level)
{
	return plan && plan->says[level] ? &plan->levels[level] : NULL;
}

static const struct request_limit *role_of(const struct plan *plan, const char *role)
{
	for (size_t i = 0; plan && i < plan->roles_n; i++)
		if (strcmp(plan->roles[i].role, role) == 0)
			return &plan->roles[i].limit;
	return NULL;
}

/* The two plans that may say something, the nearer first. */
struct sources {
	const struct plan *own, *usual;
	const struct config *config;
};

static struct request_limit limit_of(
	const struct sources *s, enum limit_level level, const char *role)
{
	static const struct request_limit none;
	const struct request_limit *limit = role ? role_of(s->own, role) : level_of(s->own, level);

	if (!limit)
		limit = role ? role_of(s->usual, role) : level_of(s->usual, level);
	if (limit)
		return *limit;
	return role ? none : plans_configured(s->config, level);
}

static size_t found_put(struct plans_found *found, size_t n, const struct sources *s,
	enum limit_level level, const char *role)
{
	const struct request_limit limit = limit_of(s, level, role);

	if (limit.amount)
		found[n++] = (struct plans_found){level, role, limit_pace_of(&limit), limit};
	return n;
}

size_t plans_find(struct plans *p, const struct plans_whom *whom, struct plans_found *ret_found)
{
	const bool stranger = id_is_zero(whom->tenant);
	const struct tenant_entry *entry;
	struct sources s = {.config = p->producer->config};
	size_t n = 0;

	(void)pthread_mutex_lock(&p->lock);
	entry = stranger ? NULL : *tenant_place(p, whom->tenant);
	s.usual = plan_named(p, LIMIT_PLAN_DEFAULT);
	s.own = entry && entry->plan[0] ? plan_named(p, entry->plan) : NULL;
	n = found_put(ret_found, n, &s, LIMIT_GLOBAL, NULL);
	n = found_put(ret_found, n, &s, LIMIT_IP, NULL);
	if (!stranger) {
		n = found_put(ret_found, n, &s, LIMIT_TENANT, NULL);
		for (size_t i = 0; i < whom->roles_n && i < CALLER_ROLES_MAX; i++)
			n = found_put(ret_found, n, &s, LIMIT_ROLE, whom->roles[i]);
		n = found_put(ret_found, n, &s, LIMIT_USER, NULL);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return n;
}

/* ---- reading ---- */

static void list_free(struct plan *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(list[i].roles);
	free(list);
}

static enum err role_put(struct plan *plan, const struct limit_row *row)
{
	struct role_limit *roles = realloc(plan->roles, (plan->roles_n + 1) * sizeof *plan->roles);

	if (!roles)
		return ERR_NOMEM;
	plan->roles = roles;
	roles[plan->roles_n] = (struct role_limit){.limit = row->limit};
	(void)snprintf(roles[plan->roles_n].role, sizeof roles->role, "%s", row->role);
	plan->roles_n++;
	return ERR_OK;
}

/* A level of a later version is not known here, and not kept; tokens are the workers' to count. */
static enum err row_put(struct plan *plan, const struct limit_row *row)
{
	if (row->level == LIMIT_ROLE)
		return role_put(plan, row);
	if (row->level < LIMIT_LEVELS && row->level != LIMIT_TOKENS) {
		plan->says[row->level] = true;
		plan->levels[row->level] = row->limit;
	}
	return ERR_OK;
}

/* Rows come by plan, in the order of bytes. */
static enum err list_make(const struct limit_news *news, struct plan **ret_list, size_t *ret_n)
{
	struct plan *list = calloc(news->rows_n + 1, sizeof *list);
	enum err e = list ? ERR_OK : ERR_NOMEM;
	size_t n = 0;

	for (size_t i = 0; !e && i < news->rows_n; i++) {
		const char *name = news->rows[i].plan;

		if (n == 0 || strcmp(list[n - 1].name, name) != 0)
			(void)snprintf(list[n++].name, sizeof list->name, "%s", name);
		e = row_put(&list[n - 1], &news->rows[i]);
	}
	if (e) {
		list_free(list, n);
		return e;
	}
	*ret_list = list;
	*ret_n = n;
	return ERR_OK;
}

static enum err tenant_put(struct plans *p, const struct limit_tenant *t)
{
	struct tenant_entry **at = tenant_place(p, t->tenant);

	if (!*at) {
		*at = calloc(1, sizeof **at);
		if (!*at)
			return ERR_NOMEM;
		(*at)->tenant = t->tenant;
	}
	(void)snprintf((*at)->plan, sizeof(*at)->plan, "%s", t->plan);
	return ERR_OK;
}

static enum err news_put(struct plans *p, const struct limit_news *news)
{
	struct plan *list, *before;
	size_t n, before_n;
	enum err e = list_make(news, &list, &n);

	if (e)
		return e;
	(void)pthread_mutex_lock(&p->lock);
	before = p->list;
	before_n = p->n;
	p->list = list;
	p->n = n;
	for (size_t i = 0; !e && i < news->tenants_n; i++)
		e = tenant_put(p, &news->tenants[i]);
	(void)pthread_mutex_unlock(&p->lock);
	list_free(before, before_n);
	return e;
}

/* Where to ask next: behind this page, or from the oldest transaction as it was when the first page
 * of this time was read. */
static void mark_move(struct plans *p, const struct limit_news *news)
{
	if (!p->paging)
		p->oldest = news->oldest;
	p->paging = news->has_more;
	p->mark = news->has_more ? news->last : (struct limit_mark){.change = p->oldest};
}

static bool counts_requests(const struct limit_news *news)
{
	for (size_t i = 0; i < news->rows_n; i++)
		if (news->rows[i].level != LIMIT_TOKENS)
			return true;
	return false;
}

static void told(void *ctx, enum err e, const struct limit_news *news)
{
	struct record_batch *batch = ctx;
	struct plans *p = batch->items[0]->owner;

	if (!e)
		e = news_put(p, news);
	if (!e) {
		p->producers = news->producers;
		p->any = counts_requests(news);
		mark_move(p, news);
		p->known |= !p->paging;
	}
	record_batch_end(batch, e);
}

static enum err run(struct db *db, struct record_batch *batch)
{
	const struct plans *p = batch->items[0]->owner;

	return limit_plan_news(db, &p->mark, told, batch);
}

const struct record_op plans_op = {"limit_plans", RECORD_READS, 1, run, NULL};

static void done(struct record_item *item, enum err e)
{
	struct plans *p = item->owner;

	if (e)
		log_debug("limits were not read", LOG_ERR(e));
	p->reading = false;
}

static void tick(void *owner)
{
	struct plans *p = owner;

	loop_timer_start(p->timer, TICK_MS);
	p->until_look_ms -= TICK_MS;
	if (p->reading || (p->known && !p->paging && !p->hurry && p->until_look_ms > 0))
		return;
	p->until_look_ms = PLANS_LOOK_MS;
	p->hurry = false;
	p->reading = true;
	p->item.op = &plans_op;
	p->item.done = done;
	p->item.owner = p;
	if (record_add(p->producer->record, &p->item))
		p->reading = false;
}

void plans_hurry(struct plans *p)
{
	p->hurry = true;
}

enum err plans_new(struct producer *producer, struct plans **ret_plans)
{
	struct plans *p = calloc(1, sizeof *p);

	if (!p)
		return ERR_NOMEM;
	p->producer = producer;
	p->producers = 1;
	(void)pthread_mutex_init(&p->lock, NULL);
	*ret_plans = p;
	return ERR_OK;
}

enum err plans_start(struct plans *p)
{
	enum err e = loop_timer_new(p->producer->loop, tick, p, &p->timer);

	if (!e)
		loop_timer_start(p->timer, 1);
	return e;
}

void plans_free(struct plans *p)
{
	if (!p)
		return;
	loop_timer_free(p->timer);
	list_free(p->list, p->n);
	for (size_t i = 0; i < BUCKETS; i++)
		for (struct tenant_entry *e = p->tenants[i], *next; e; e = next) {
			next = e->next;
			free(e);
		}
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}
