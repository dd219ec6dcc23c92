#include "token_limits.h"

#include "domain/limit_book.h"
#include "ground/log.h"
#include "stores/limit_plan.h"
#include "worker.h"

#include <stdlib.h>

struct token_limits {
	struct worker *worker;
	struct loop_timer *timer;
	bool known, any;
	bool follows; /* who has which plan */
	struct limit_reading at;
	struct limit_book book;
};

/* ---- finding ---- */

struct permit_limit token_limits_find(void *owner, const struct permit_payer *payer)
{
	static const struct permit_limit unknown = {.per_minute = -1}, none = {.per_minute = 0};
	struct token_limits *t = owner;
	struct limit_sources s;
	const struct request_limit *limit;

	if (!t->known)
		return unknown;
	if (!t->any)
		return none;
	s = limit_book_of(&t->book, payer->tenant);
	limit = limit_sources_say(&s, payer->level, payer->who);
	if (!limit)
		return none;
	return (struct permit_limit){.per_minute = (double)limit->amount * 60 / limit->window_s,
		.burst = (double)limit->burst};
}

/* ---- reading ---- */

static enum err plans_put(struct token_limits *t, const struct limit_news *news)
{
	struct limit_plans plans;
	enum err e = limit_plans_make(news->rows, news->rows_n, &plans);

	if (e)
		return e;
	limit_plans_clear(&t->book.plans);
	t->book.plans = plans;
	t->any = news->rows_n > 0;
	t->known = true;
	return ERR_OK;
}

/* Limits are in force when it is known whose they are. */
static enum err take(struct token_limits *t, const struct limit_news *news)
{
	enum err e = ERR_OK;

	if (!news->rows_n) {
		limit_book_forget_tenants(&t->book);
		t->at = (struct limit_reading){.paging = false};
	}
	for (size_t i = 0; !e && t->follows && i < news->tenants_n; i++)
		e = limit_book_give(&t->book, news->tenants[i].tenant, news->tenants[i].plan);
	if (!e && t->follows && news->rows_n)
		limit_reading_move(&t->at, news);
	if (!e && !t->at.paging && (t->follows || !news->rows_n))
		e = plans_put(t, news);
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
		again = t->at.paging || (news->rows_n && !t->follows);
		t->follows = news->rows_n > 0;
	}
	loop_timer_start(t->timer, again ? 0 : (int64_t)TOKEN_LIMITS_LOOK_MS);
}

static void look(void *owner)
{
	struct token_limits *t = owner;

	if (limit_token_news(worker_db_claim(t->worker), t->follows ? &t->at.mark : NULL, on_news,
		    t) != ERR_OK)
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
	limit_book_clear(&t->book);
	free(t);
}
