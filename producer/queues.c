#include "queues.h"

#include "ground/clock.h"
#include "loops.h"
#include "ports/loop.h"
#include "producer.h"

#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { READ_MS = 100 };

struct queues {
	struct producer *producer;
	pthread_mutex_t lock; /* guards view */
	struct queues_view *view;
	struct loop_timer *timer;
	struct loop_wake *wake;
	struct record_item item; /* the one reading under way */
	_Atomic bool reading;
	_Atomic bool again;
};

/* ---- views ---- */

struct queues_view *queues_hold(struct queues *q)
{
	struct queues_view *v;

	(void)pthread_mutex_lock(&q->lock);
	v = q->view;
	if (v)
		v->holders++;
	(void)pthread_mutex_unlock(&q->lock);
	return v;
}

void queues_view_release(struct queues_view *v)
{
	if (v && atomic_fetch_sub(&v->holders, 1) == 1)
		free(v);
}

struct queue_view *queues_find(struct queues_view *v, const char *name)
{
	for (size_t i = 0; i < v->n; i++)
		if (strcmp(v->list[i].name_text, name) == 0)
			return &v->list[i];
	return NULL;
}

int64_t queues_allot_take(struct queue_view *q, int64_t want)
{
	int64_t left = q->allot;

	do {
		if (left < want)
			want = left;
		if (want <= 0)
			return 0;
	} while (!atomic_compare_exchange_weak(&q->allot, &left, left - want));
	return want;
}

static const struct queue_view *find_id(const struct queues_view *v, int32_t id)
{
	for (size_t i = 0; v && i < v->n; i++)
		if (v->list[i].queue.id == id)
			return &v->list[i];
	return NULL;
}

const struct queue *queues_by_id(const struct queues_view *v, int32_t id)
{
	const struct queue_view *found = find_id(v, id);

	return found ? &found->queue : NULL;
}

enum err queues_refusal(const struct queues_view *v, int32_t queue_id)
{
	const struct queue *q = queues_by_id(v, queue_id);
	const int64_t age_ms = q && q->oldest_ms ? clock_record_ms() - q->oldest_ms : 0;

	if (!q)
		return ERR_OK;
	if (q->draining)
		return ERR_QUEUE_DRAINING;
	return (q->max_queued && q->queued + q->waiting >= q->max_queued) ||
			       (q->max_age_s && age_ms > 1000 * (int64_t)q->max_age_s)
		       ? ERR_QUEUE_FULL
		       : ERR_OK;
}

enum err queues_refusal_told(struct queues *q, int32_t queue_id, enum err e)
{
	struct queues_view *v = e == ERR_QUEUE_FULL ? queues_hold(q) : NULL;
	const struct queue *found = queues_by_id(v, queue_id);

	if (found && found->draining)
		e = ERR_QUEUE_DRAINING;
	queues_view_release(v);
	return e;
}

int64_t queues_retry_after_s(struct queues *q, int32_t queue_id)
{
	struct queues_view *v = queues_hold(q);
	const struct queue_view *found = find_id(v, queue_id);
	double seconds = QUEUES_RETRY_MAX_S;

	if (found && !found->queue.draining && found->queue.drain_rate > 0)
		seconds = ceil((double)found->queue.queued / found->queue.drain_rate);
	queues_view_release(v);
	if (seconds > QUEUES_RETRY_MAX_S)
		return QUEUES_RETRY_MAX_S;
	return seconds < QUEUES_RETRY_MIN_S ? QUEUES_RETRY_MIN_S : (int64_t)seconds;
}

static void queue_copy(struct queue_view *to, const struct queue *from)
{
	to->queue = *from;
	(void)snprintf(to->name_text, sizeof to->name_text, "%s", from->name);
	to->queue.name = to->name_text;
	to->allot = from->allot;
}

static struct queues_view *view_new(size_t n)
{
	struct queues_view *v = calloc(1, sizeof *v + n * sizeof *v->list);

	if (v) {
		v->holders = 1;
		v->read_ms = clock_ms();
		v->n = n;
	}
	return v;
}

/* Under the lock. What we used of an allotment stays used until the leader grants a new one. */
static void allot_carry(const struct queues *q, struct queue_view *fresh)
{
	struct queue_view *old = q->view ? queues_find(q->view, fresh->name_text) : NULL;

	if (old && old->queue.allot_epoch == fresh->queue.allot_epoch)
		fresh->allot = old->allot;
}

static void view_publish(struct queues *q, struct queues_view *v)
{
	struct queues_view *old;

	(void)pthread_mutex_lock(&q->lock);
	for (size_t i = 0; i < v->n; i++)
		allot_carry(q, &v->list[i]);
	old = q->view;
	q->view = v;
	(void)pthread_mutex_unlock(&q->lock);
	queues_view_release(old);
	q->producer->ready = true;
}

/* A changed or new row among the others. */
void queues_learn(struct queues *q, const struct queue *changed)
{
	struct queues_view *old = queues_hold(q), *v;
	size_t n = old ? old->n : 0, at = 0;

	while (at < n && old->list[at].queue.id != changed->id)
		at++;
	v = view_new(at == n ? n + 1 : n);
	for (size_t i = 0; v && i < n; i++)
		queue_copy(&v->list[i], &old->list[i].queue);
	if (v) {
		queue_copy(&v->list[at], changed);
		view_publish(q, v);
	}
	queues_view_release(old);
}

/* ---- reading ---- */

static void listed(void *ctx, enum err e, const struct queue *queues, size_t n)
{
	struct record_batch *batch = ctx;
	struct queues *q = batch->items[0]->owner;
	/* begun before a change that was told meanwhile: the next reading is on its way */
	bool stale = q->again && q->view;
	struct queues_view *v = e || stale ? NULL : view_new(n);

	for (size_t i = 0; v && i < n; i++)
		queue_copy(&v->list[i], &queues[i]);
	if (v)
		view_publish(q, v);
	record_batch_end(batch, e);
}

static enum err list_run(struct db *db, struct record_batch *batch)
{
	return queue_list(db, listed, batch);
}

const struct record_op queues_op = {"queues", RECORD_READS, 1, list_run, NULL};

static void read_done(struct record_item *item, enum err e)
{
	struct queues *q = item->owner;

	q->reading = false;
	if (q->again)
		loop_wake_send(q->wake);
}

static void read_now(void *owner)
{
	struct queues *q = owner;

	loop_work(q->producer->loop, WORK_queues);
	if (q->reading)
		return;
	q->again = false;
	q->reading = true;
	q->item.op = &queues_op;
	q->item.done = read_done;
	q->item.owner = q;
	if (record_add(q->producer->record, &q->item))
		q->reading = false;
}

static void tick(void *owner)
{
	struct queues *q = owner;

	read_now(q);
	loop_timer_start(q->timer, READ_MS);
}

void queues_refresh(struct queues *q)
{
	q->again = true;
	loop_wake_send(q->wake);
}

enum err queues_new(struct producer *producer, struct queues **ret_queues)
{
	struct queues *q = calloc(1, sizeof *q);

	if (!q)
		return ERR_NOMEM;
	q->producer = producer;
	(void)pthread_mutex_init(&q->lock, NULL);
	*ret_queues = q;
	return ERR_OK;
}

enum err queues_start(struct queues *q)
{
	enum err e = loop_timer_new(q->producer->loop, tick, q, &q->timer);

	if (!e)
		e = loop_wake_new(q->producer->loop, read_now, q, &q->wake);
	if (!e)
		loop_timer_start(q->timer, 1);
	return e;
}

void queues_free(struct queues *q)
{
	if (!q)
		return;
	loop_timer_free(q->timer);
	loop_wake_free(q->wake);
	queues_view_release(q->view);
	(void)pthread_mutex_destroy(&q->lock);
	free(q);
}
