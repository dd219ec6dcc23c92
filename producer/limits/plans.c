#include "limits/plans.h"

#include "domain/limit_book.h"
#include "ground/log.h"
#include "loops.h"
#include "ports/loop.h"
#include "producer.h"
#include "stores/limit_plan.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

enum { TICK_MS = 100 };

struct plans {
	struct producer *producer;
	pthread_mutex_t lock;
	struct limit_book book;
	_Atomic bool known, any;
	_Atomic int64_t producers;
	struct loop_timer *timer;
	struct record_item item; /* the one reading under way */
	_Atomic bool reading, hurry;
	int64_t until_look_ms;
	struct limit_reading at;
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

/* What the plans do not say, the configuration does. */
struct sources {
	struct limit_sources plans;
	const struct config *config;
};

static struct request_limit limit_of(
	const struct sources *s, enum limit_level level, const char *role)
{
	const struct request_limit *limit = limit_sources_say(&s->plans, level, role);

	return limit ? *limit : plans_configured(s->config, level);
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
	struct sources s = {.config = p->producer->config};
	size_t n = 0;

	(void)pthread_mutex_lock(&p->lock);
	s.plans = limit_book_of(&p->book, whom->tenant);
	n = found_put(ret_found, n, &s, LIMIT_GLOBAL, NULL);
	n = found_put(ret_found, n, &s, LIMIT_IP, NULL);
	if (!id_is_zero(whom->tenant)) {
		n = found_put(ret_found, n, &s, LIMIT_TENANT, NULL);
		for (size_t i = 0; i < whom->roles_n && i < CALLER_ROLES_MAX; i++)
			n = found_put(ret_found, n, &s, LIMIT_ROLE, whom->roles[i]);
		n = found_put(ret_found, n, &s, LIMIT_USER, NULL);
	}
	(void)pthread_mutex_unlock(&p->lock);
	return n;
}

/* ---- reading ---- */

static enum err news_put(struct plans *p, const struct limit_news *news)
{
	struct limit_plans plans, before;
	enum err e = limit_plans_make(news->rows, news->rows_n, &plans);

	if (e)
		return e;
	(void)pthread_mutex_lock(&p->lock);
	before = p->book.plans;
	p->book.plans = plans;
	for (size_t i = 0; !e && i < news->tenants_n; i++)
		e = limit_book_give(&p->book, news->tenants[i].tenant, news->tenants[i].plan);
	(void)pthread_mutex_unlock(&p->lock);
	limit_plans_clear(&before);
	return e;
}

static bool counts_requests(const struct limit_news *news)
{
	for (size_t i = 0; i < news->rows_n; i++)
		if (!limit_level_is_tokens(news->rows[i].level))
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
		limit_reading_move(&p->at, news);
		p->known |= !p->at.paging;
	}
	record_batch_end(batch, e);
}

static enum err run(struct db *db, struct record_batch *batch)
{
	const struct plans *p = batch->items[0]->owner;

	return limit_plan_news(db, &p->at.mark, told, batch);
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

	loop_work(p->producer->loop, WORK_plans);
	loop_timer_start(p->timer, TICK_MS);
	p->until_look_ms -= TICK_MS;
	if (p->reading || (p->known && !p->at.paging && !p->hurry && p->until_look_ms > 0))
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
	limit_book_clear(&p->book);
	(void)pthread_mutex_destroy(&p->lock);
	free(p);
}
