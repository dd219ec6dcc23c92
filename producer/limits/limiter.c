#include "limits/limiter.h"

#include "connect/redis.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "limits/limit_ask.h"
#include "limits/limit_flush.h"
#include "limits/limit_script.h"
#include "limits/limit_tally.h"
#include "limits/plans.h"
#include "loops.h"
#include "producer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	WHY_MAX = 1024,
	RETURN_TEXT_MAX = 16,
	AGAIN_MS = 20,
	COMPANY_MS = 1, /* between calls: when many come, each brings more of them */
	COMPANY = 16	/* that wait are enough */
};

struct limiter {
	struct producer *producer;
	pthread_mutex_t lock; /* inbox, levels */
	struct ring inbox;
	struct levels *levels;
	_Atomic size_t
		waiting; /* in the inbox, no less than COMPANY where more do; set under the lock */
	bool comes;	 /* under the lock: the loop will look at the inbox without being woken */
	uint8_t name_key[DIGEST_SHORT_KEY]; /* limit_ask.h */
	_Atomic bool shared;
	struct limit_tally tally;
	/* the loop's */
	struct loop_wake *wake;
	struct loop_timer *deadline, *company;
	struct scratch *scratch;
	struct scratch_script *script, *return_script;
	struct limit_flush *flush;
	struct ring sent; /* of the call under way, in their order; empty: given up */
	int64_t sent_us;
	bool under_way;
	bool met;     /* Redis was there once */
	bool refuses; /* its last answer was an error: said once */
	/* when it is back */
	struct loop_timer *back;
	size_t reminded;
	bool returning; /* the last reminder: who asks waits for it, and it decides again */
};

/* ---- without Redis ---- */

/* Under the lock. */
static void decide_alone(struct limiter *l, struct limit_ask *ask)
{
	const int64_t now_us = clock_us(), n = plans_producers(l->producer->plans);

	ask->answered = ask->admitted = true;
	for (size_t i = 0; i < ask->n; i++) {
		struct limit_key *key = &ask->keys[i];

		key->pace = limit_pace_share(key->pace, n);
		key->ahead_us = levels_ahead(l->levels, key->id, now_us);
		if (key->ahead_us > key->pace.span_us)
			key->ahead_us = key->pace.span_us;
		ask->admitted &= limit_pace_room(key->pace, key->ahead_us) > 0;
	}
	for (size_t i = 0; ask->admitted && i < ask->n; i++) {
		struct limit_key *key = &ask->keys[i];

		key->ahead_us += key->pace.interval_us;
		levels_put(l->levels, key->id, now_us, key->ahead_us);
	}
	l->tally.local++;
	limit_tally_add(&l->tally, ask);
}

static void resume_all(struct ring *asks)
{
	while (!ring_empty(asks)) {
		struct limit_ask *ask = RING_OF(asks->next, struct limit_ask, link);

		ring_leave(&ask->link);
		request_resume(ask->r);
	}
}

/* ---- with Redis, on the loop ---- */

static void decide_all_alone(struct limiter *l, struct ring *asks)
{
	(void)pthread_mutex_lock(&l->lock);
	for (struct ring *at = asks->next; at != asks; at = at->next)
		decide_alone(l, RING_OF(at, struct limit_ask, link));
	(void)pthread_mutex_unlock(&l->lock);
	resume_all(asks);
}

static void go_on(struct limiter *l);
static void return_begin(struct limiter *l);

static void told(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct limiter *l = owner;

	loop_work(l->producer->loop, WORK_limits);
	l->under_way = false;
	loop_timer_stop(l->deadline);
	if (e && reply && !l->refuses)
		log_error("Redis refused to count requests",
			LOG_TEXT("why", scratch_bytes(reply, NULL)));
	l->refuses = e && reply;
	/* it was given up: Redis answers again, be it with a refusal, and has not heard of what was
	 * let in since; nothing but this answer says so where the line stayed open */
	if (!l->shared && scratch_is_up(l->scratch)) {
		return_begin(l);
		return;
	}
	if (e) {
		decide_all_alone(l, &l->sent);
	} else {
		(void)pthread_mutex_lock(&l->lock);
		limit_flush_take(l->flush, reply, l->levels, l->sent_us, &l->sent);
		(void)pthread_mutex_unlock(&l->lock);
		for (struct ring *at = l->sent.next; at != &l->sent; at = at->next)
			limit_tally_add(&l->tally, RING_OF(at, struct limit_ask, link));
		resume_all(&l->sent);
	}
	go_on(l);
}

/* It is not waited for any longer; what it charges when it comes after all is not given back. */
static void too_late(void *owner)
{
	struct limiter *l = owner;

	loop_work(l->producer->loop, WORK_limits);
	if (!l->under_way)
		return;
	if (l->shared)
		log_warn("Redis is silent: requests are counted here, by a share",
			LOG_INT("producers", plans_producers(l->producer->plans)));
	l->shared = false;
	l->returning = false;
	decide_all_alone(l, &l->sent);
	go_on(l);
}

static int64_t deadline_ms(const struct limiter *l)
{
	const struct config *config = l->producer->config;

	return config->request_limits.deadline_ms;
}

/* Under the lock. */
static struct limit_memory memory_of(const struct limiter *l)
{
	return (struct limit_memory){l->levels, l->sent_us, 2 * deadline_ms(l) * 1000};
}

static void flush(struct limiter *l)
{
	struct limit_memory memory;

	l->sent_us = clock_us();
	(void)pthread_mutex_lock(&l->lock);
	memory = memory_of(l);
	limit_flush_fill(l->flush, &memory, &l->inbox, &l->sent);
	l->comes = !ring_empty(&l->sent);
	l->waiting = ring_empty(&l->inbox) ? 0 : COMPANY;
	(void)pthread_mutex_unlock(&l->lock);
	if (ring_empty(&l->sent))
		return;
	l->under_way = true;
	loop_timer_stop(l->company);
	loop_timer_start(l->deadline, deadline_ms(l));
	if (limit_flush_send(l->flush, l->scratch, l->script, told, l))
		told(l, ERR_SCRATCH, NULL);
}

static void company_came(void *owner)
{
	struct limiter *l = owner;

	loop_work(l->producer->loop, WORK_limits);
	if (l->shared && !l->under_way)
		flush(l);
}

static bool has_company(const struct limiter *l)
{
	return l->waiting >= COMPANY || clock_us() - l->sent_us >= COMPANY_MS * 1000;
}

/* The next call, or none is needed. Who comes alone is asked for at once. */
static void go_on(struct limiter *l)
{
	struct ring alone;

	ring_init(&alone);
	if (!l->shared) {
		(void)pthread_mutex_lock(&l->lock);
		ring_join_all(&alone, &l->inbox);
		l->comes = false;
		l->waiting = 0;
		(void)pthread_mutex_unlock(&l->lock);
		decide_all_alone(l, &alone);
	} else if (!l->under_way && has_company(l)) {
		flush(l);
	} else if (!l->under_way && !loop_timer_active(l->company)) {
		loop_timer_start(l->company, COMPANY_MS);
	}
}

static void woken(void *owner)
{
	struct limiter *l = owner;

	loop_work(l->producer->loop, WORK_limits);
	go_on(l);
}

/* ---- Redis comes and goes ---- */

static void remind(struct limiter *l);

/* True: Redis answered and in time. What a late answer told is out of date, and so is what was let
 * in here meanwhile: all begins anew. */
static bool answered(struct limiter *l)
{
	const bool late = clock_us() - l->sent_us > deadline_ms(l) * 1000;

	loop_work(l->producer->loop, WORK_limits);
	l->under_way = false;
	loop_timer_stop(l->deadline);
	if (!scratch_is_up(l->scratch))
		return false;
	if (late)
		return_begin(l);
	return !late;
}

static void reminded(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct limiter *l = owner;

	if (answered(l))
		remind(l);
}

static void remind_end(struct limiter *l)
{
	l->returning = false;
	l->shared = l->shared && scratch_is_up(l->scratch);
	go_on(l);
}

static void remind(struct limiter *l)
{
	struct limit_memory memory;
	bool more;

	(void)pthread_mutex_lock(&l->lock);
	l->sent_us = clock_us();
	memory = memory_of(l);
	memory.slack_us = 0; /* what was charged here is known to the moment */
	more = limit_flush_remind(l->flush, &memory, &l->reminded);
	(void)pthread_mutex_unlock(&l->lock);
	l->under_way =
		more && limit_flush_send(l->flush, l->scratch, l->script, reminded, l) == ERR_OK;
	if (l->under_way && l->returning)
		loop_timer_start(l->deadline, deadline_ms(l));
	else if (!l->under_way && l->returning)
		remind_end(l);
}

/* It has answered for a while: who asks waits from now on. */
static void back(void *owner)
{
	struct limiter *l = owner;

	loop_work(l->producer->loop, WORK_limits);
	if (l->under_way) {
		loop_timer_start(l->back, AGAIN_MS);
		return;
	}
	l->returning = true;
	l->shared = true;
	l->reminded = 0;
	remind(l);
}

static void return_told(void *owner, enum err e, const struct scratch_reply *reply)
{
	struct limiter *l = owner;

	if (!answered(l))
		return;
	loop_timer_start(l->back, e ? LIMITER_RETURN_MS : scratch_int(reply));
	remind(l);
}

static enum err return_ask(struct limiter *l)
{
	char text[RETURN_TEXT_MAX];
	const int n = snprintf(text, sizeof text, "%d", LIMITER_RETURN_MS);
	const struct scratch_arg args[] = {
		{LIMIT_RETURN_KEY, sizeof LIMIT_RETURN_KEY - 1}, {text, (size_t)n}};

	l->sent_us = clock_us();
	return scratch_run(l->scratch, l->return_script,
		(struct scratch_args){.list = args, .n = 2, .n_keys = 1}, return_told, l);
}

static void return_begin(struct limiter *l)
{
	loop_timer_stop(l->back);
	l->returning = false;
	l->shared = false;
	l->reminded = 0;
	l->under_way = return_ask(l) == ERR_OK;
	if (!l->under_way)
		loop_timer_start(l->back, LIMITER_RETURN_MS);
	go_on(l);
}

static void on_change(void *owner, bool up)
{
	struct limiter *l = owner;

	l->returning = false;
	loop_timer_stop(l->back);
	if (!up) {
		log_warn("Redis is away: requests are counted here, by a share",
			LOG_INT("producers", plans_producers(l->producer->plans)));
		l->shared = false;
	} else if (!l->met) {
		l->met = true;
		l->shared = true;
	} else {
		return_begin(l);
		return;
	}
	go_on(l);
}

/* ---- the desk ---- */

/* On the server's thread. */
static void put(struct limiter *l, struct limit_ask *ask, bool *ret_parked)
{
	bool wakes;

	(void)pthread_mutex_lock(&l->lock);
	if (!l->shared) {
		decide_alone(l, ask);
		(void)pthread_mutex_unlock(&l->lock);
		return;
	}
	request_park(ask->r);
	*ret_parked = true;
	wakes = ++l->waiting == COMPANY || !l->comes;
	l->comes = true;
	ring_join(&l->inbox, &ask->link);
	(void)pthread_mutex_unlock(&l->lock);
	if (wakes)
		loop_wake_send(l->wake);
}

enum err limiter_check(struct request *r, bool *ret_parked)
{
	struct limiter *l = r->producer->limiter;
	enum err e;

	if (r->limit)
		return r->limit->admitted ? ERR_OK : ERR_RATE_LIMITED;
	if (r->match.route->access == ROUTE_OPERATOR || !plans_any(r->producer->plans))
		return ERR_OK;
	if (!plans_known(r->producer->plans))
		return ERR_UNAVAILABLE;
	e = limit_ask_make(r, l->name_key, &r->limit);
	if (e || !r->limit)
		return e;
	put(l, r->limit, ret_parked);
	return *ret_parked || r->limit->admitted ? ERR_OK : ERR_RATE_LIMITED;
}

struct limiter_counts limiter_counts(const struct limiter *l)
{
	return limit_tally_read(&l->tally, l->shared);
}

/* ---- opening ---- */

/* Of the installation's own key, as all producers have it. */
static void name_key_make(struct limiter *l, const struct pseudonym_key *of)
{
	static const struct digest_part what = {"request limits", sizeof "request limits"};

	digest_keyed(of->bytes, sizeof of->bytes, &what, 1, l->name_key, sizeof l->name_key);
}

enum err limiter_new(struct producer *producer, struct limiter **ret_limiter)
{
	struct limiter *l = calloc(1, sizeof *l);
	enum err e;

	if (!l)
		return ERR_NOMEM;
	l->producer = producer;
	(void)pthread_mutex_init(&l->lock, NULL);
	ring_init(&l->inbox);
	ring_init(&l->sent);
	name_key_make(l, &producer->pseudonyms);
	e = levels_new(&l->levels);
	if (!e)
		e = limit_flush_new(&l->flush);
	if (e)
		limiter_free(l);
	else
		*ret_limiter = l;
	return e;
}

static enum err connection_open(struct limiter *l)
{
	const struct scratch_options hooks = {.on_change = on_change, .owner = l};
	struct buf why;
	enum err e;

	buf_init(&why, WHY_MAX);
	e = redis_open(l->producer->config, l->producer->loop, &hooks, &why, &l->scratch);
	if (!e)
		e = scratch_script_add(l->scratch, limit_script, &l->script);
	if (!e)
		e = scratch_script_add(l->scratch, limit_return_script, &l->return_script);
	if (e)
		log_error("Redis cannot be used for limits", LOG_ERR(e),
			LOG_TEXT("why", why.bytes ? why.bytes : ""));
	buf_clear(&why);
	return e;
}

enum err limiter_start(struct limiter *l)
{
	enum err e = loop_wake_new(l->producer->loop, woken, l, &l->wake);

	if (!e)
		e = loop_timer_new(l->producer->loop, too_late, l, &l->deadline);
	if (!e)
		e = loop_timer_new(l->producer->loop, company_came, l, &l->company);
	if (!e)
		e = loop_timer_new(l->producer->loop, back, l, &l->back);
	if (!e && l->producer->config->redis.limits_url[0])
		e = connection_open(l);
	return e;
}

void limiter_stop(struct limiter *l)
{
	if (!l)
		return;
	scratch_close(l->scratch);
	l->scratch = NULL;
	loop_timer_free(l->deadline);
	loop_timer_free(l->company);
	loop_timer_free(l->back);
	loop_wake_free(l->wake);
	l->deadline = l->company = l->back = NULL;
	l->wake = NULL;
}

void limiter_free(struct limiter *l)
{
	if (!l)
		return;
	limiter_stop(l);
	limit_flush_free(l->flush);
	levels_free(l->levels);
	digest_wipe(l->name_key, sizeof l->name_key);
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
}
