#include "access/unproved.h"

#include "access/issuer_keys.h"
#include "ground/clock.h"
#include "ground/ring.h"
#include "loops.h"
#include "ports/loop.h"
#include "producer.h"

#include <pthread.h>
#include <stdlib.h>

struct waiter {
	struct ring link; /* first */
	struct request *r;
	struct id issuer; /* whose keys may come; zero: nobody's */
	int64_t until_ms;
	void (*told)(struct request *r);
};

struct unproved {
	struct producer *producer;
	struct loop_wake *wake;
	struct loop_timer *timer;
	pthread_mutex_t lock;
	struct ring waiters; /* the next to be told first */
};

bool unproved_begin(struct unproved *u, struct request *r)
{
	const struct config *config = u->producer->config;

	if (!r->refuse_at_ms)
		r->refuse_at_ms = clock_ms() + config->identity.refuse_ms;
	return clock_ms() >= r->refuse_at_ms;
}

/* ---- telling, on the loop ---- */

static void tell_all(struct ring *list)
{
	while (!ring_empty(list)) {
		struct waiter *w = RING_OF(list->next, struct waiter, link);

		ring_leave(&w->link);
		w->told(w->r);
		free(w);
	}
}

static struct waiter *first(struct unproved *u)
{
	return ring_empty(&u->waiters) ? NULL : RING_OF(u->waiters.next, struct waiter, link);
}

static void tell_due(void *owner)
{
	struct unproved *u = owner;
	const int64_t now_ms = clock_ms();
	struct waiter *w;
	struct ring due;

	loop_work(u->producer->loop, WORK_unproved);
	ring_init(&due);
	(void)pthread_mutex_lock(&u->lock);
	while ((w = first(u)) && w->until_ms <= now_ms) {
		ring_leave(&w->link);
		ring_join(&due, &w->link);
	}
	if (w)
		loop_timer_start(u->timer, w->until_ms - now_ms);
	(void)pthread_mutex_unlock(&u->lock);
	tell_all(&due);
}

void unproved_again(struct unproved *u, struct id issuer)
{
	struct ring *at, *next, hopeful;

	ring_init(&hopeful);
	(void)pthread_mutex_lock(&u->lock);
	for (at = u->waiters.next; at != &u->waiters; at = next) {
		next = at->next;
		if (id_equal(RING_OF(at, struct waiter, link)->issuer, issuer)) {
			ring_leave(at);
			ring_join(&hopeful, at);
		}
	}
	(void)pthread_mutex_unlock(&u->lock);
	tell_all(&hopeful);
}

/* ---- waiting ---- */

/* By its moment: who is asked again comes with an earlier one than most. True: it is the first. */
static bool put(struct unproved *u, struct waiter *w)
{
	struct ring *before = u->waiters.prev;

	while (before != &u->waiters &&
		RING_OF(before, struct waiter, link)->until_ms > w->until_ms)
		before = before->prev;
	ring_join(before->next, &w->link);
	return u->waiters.next == &w->link;
}

bool unproved_wait(struct unproved *u, struct request *r, struct id issuer, bool park,
	void (*told)(struct request *r))
{
	struct issuer_keys *keys = u->producer->issuer_keys;
	struct waiter *w = clock_ms() < r->refuse_at_ms ? malloc(sizeof *w) : NULL;
	bool is_first;

	if (!w)
		return false;
	if (r->keys_awaited)
		issuer = (struct id){{0}};
	r->keys_awaited = true;
	*w = (struct waiter){.r = r, .issuer = issuer, .until_ms = r->refuse_at_ms, .told = told};
	if (park)
		request_park(r);
	(void)pthread_mutex_lock(&u->lock);
	is_first = put(u, w);
	(void)pthread_mutex_unlock(&u->lock);
	/* r is the loop's from here on */
	if (is_first)
		loop_wake_send(u->wake);
	if (!id_is_zero(issuer))
		issuer_keys_want(keys, issuer);
	return true;
}

/* ---- life ---- */

enum err unproved_new(struct producer *producer, struct unproved **ret_unproved)
{
	struct unproved *u = calloc(1, sizeof *u);
	enum err e;

	if (!u)
		return ERR_NOMEM;
	u->producer = producer;
	ring_init(&u->waiters);
	(void)pthread_mutex_init(&u->lock, NULL);
	e = loop_wake_new(producer->loop, tell_due, u, &u->wake);
	if (!e)
		e = loop_timer_new(producer->loop, tell_due, u, &u->timer);
	if (e)
		unproved_free(u);
	else
		*ret_unproved = u;
	return e;
}

void unproved_free(struct unproved *u)
{
	if (!u)
		return;
	loop_timer_free(u->timer);
	loop_wake_free(u->wake);
	while (first(u)) {
		struct waiter *w = first(u);

		ring_leave(&w->link);
		free(w);
	}
	(void)pthread_mutex_destroy(&u->lock);
	free(u);
}
