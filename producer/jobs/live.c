#include "jobs/live.h"

#include "connect/redis.h"
#include "domain/live_channel.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "loops.h"
#include "ports/loop.h"
#include "ports/scratch.h"
#include "producer.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { PEEK_MAX = 1000, AWAY_LOOK_MS = 100, TICK_MS = 50 };

/* One look at up to PEEK_MAX jobs. */
struct peek {
	struct record_item item; /* first */
	struct live *live;
	struct live_call back;
	size_t n;
	struct job_key keys[PEEK_MAX];
	int64_t versions[PEEK_MAX]; /* told; -1 = gone */
};

struct live {
	struct producer *producer;
	struct loop *loop;
	struct loop_wake *wake;
	struct loop_timer *timer;
	struct scratch *commands; /* NULL, as the tails' follower: there is no Redis */
	pthread_mutex_t lock;	  /* guards posted, arrived */
	struct ring posted, arrived;
	struct watchers watchers;
	struct shares streams; /* bytes that wait in them */
	struct live_tails tails;
	_Atomic bool closing;
	size_t looks; /* peeks under way */
	int64_t look_at_ms;
	bool fresh; /* somebody arrived since the last tick */
};

/* ---- who came ---- */

static void arrivals_take(struct live *l)
{
	struct ring arrived, posted;

	ring_init(&arrived);
	ring_init(&posted);
	(void)pthread_mutex_lock(&l->lock);
	ring_join_all(&arrived, &l->arrived);
	ring_join_all(&posted, &l->posted);
	(void)pthread_mutex_unlock(&l->lock);
	while (!ring_empty(&arrived)) {
		struct watcher *w = RING_OF(arrived.next, struct watcher, link);

		w->arriving = false;
		watchers_add(&l->watchers, w);
		l->fresh = true;
	}
	while (!ring_empty(&posted)) {
		struct live_call *call = RING_OF(posted.next, struct live_call, link);

		ring_leave(&call->link);
		call->fn(call->owner);
	}
}

static void woken(void *owner)
{
	struct live *l = owner;

	loop_work(l->loop, WORK_live);
	arrivals_take(l);
	if (l->closing)
		watchers_close(&l->watchers);
}

/* ---- the record's word ---- */

static void peeked(void *ctx, enum err e, const struct job_row *rows, size_t n)
{
	struct record_batch *batch = ctx;
	struct peek *p = (struct peek *)(void *)batch->items[0];

	for (size_t i = 0, row = 0; !e && i < p->n; i++) {
		p->versions[i] = -1;
		if (row < n && id_equal(rows[row].job, p->keys[i].job))
			p->versions[i] = rows[row++].version;
		else if (i > 0 && id_equal(p->keys[i - 1].job, p->keys[i].job))
			p->versions[i] = p->versions[i - 1];
	}
	record_batch_end(batch, e);
}

static enum err peek_run(struct db *db, struct record_batch *batch)
{
	const struct peek *p = (struct peek *)(void *)batch->items[0];

	return job_peek(db, p->keys, p->n, peeked, batch);
}

const struct record_op live_peek_op = {"peek", RECORD_READS, 1, peek_run, NULL};

static void peek_back(void *owner)
{
	struct peek *p = owner;
	struct live *l = p->live;

	for (size_t i = 0; i < p->n; i++)
		watchers_moved(&l->watchers, p->keys[i].job, p->versions[i]);
	l->looks--;
	free(p);
}

static void peek_done(struct record_item *item, enum err e)
{
	struct peek *p = (struct peek *)(void *)item;

	if (e)
		p->n = 0;
	p->back.fn = peek_back;
	p->back.owner = p;
	live_post(p->live, &p->back);
}

static void peek_send(struct live *l, struct peek *p)
{
	p->live = l;
	p->item.op = &live_peek_op;
	p->item.done = peek_done;
	l->looks++;
	if (record_add(l->producer->record, &p->item)) {
		l->looks--;
		free(p);
	}
}

/* Looks at everybody's jobs, PEEK_MAX at a time; or only at those that arrived just now: their job
 * may have moved between its reading and the watch, and Redis' word was for nobody. */
static void look(struct live *l, bool fresh_only)
{
	struct peek *p = NULL;

	for (struct ring *at = l->watchers.all.next; at != &l->watchers.all; at = at->next) {
		struct watcher *w = RING_OF(at, struct watcher, link);

		if (fresh_only && !w->fresh)
			continue;
		if (!p && !(p = calloc(1, sizeof *p)))
			return;
		w->fresh = false;
		p->keys[p->n++] = w->key;
		if (p->n == PEEK_MAX) {
			peek_send(l, p);
			p = NULL;
		}
	}
	if (p)
		peek_send(l, p);
}

static void tick(void *owner)
{
	struct live *l = owner;
	int64_t now = clock_ms(), every = l->producer->config->producer.look_ms;

	woken(l);
	watchers_late(&l->watchers, clock_ms());
	if (!scratch_is_up(l->tails.follower) && every > AWAY_LOOK_MS)
		every = AWAY_LOOK_MS;
	if (l->looks == 0 && now - l->look_at_ms >= every) {
		l->look_at_ms = now;
		look(l, false);
	} else if (l->looks == 0 && l->fresh) {
		look(l, true);
	}
	l->fresh = false;
	loop_timer_start(l->timer, TICK_MS);
}

/* ---- Redis' word ---- */

/* Lines of "<job uuid> <state>" */
static void state_message(struct live *l, const char *bytes, size_t len)
{
	char uuid[ID_UUID_MAX];
	struct id job;

	for (const char *end = bytes + len; bytes < end;) {
		const char *line_end = memchr(bytes, '\n', (size_t)(end - bytes));

		if (!line_end)
			line_end = end;
		if (line_end - bytes >= ID_UUID_MAX) {
			memcpy(uuid, bytes, ID_UUID_MAX - 1);
			uuid[ID_UUID_MAX - 1] = '\0';
			if (id_uuid_parse(uuid, &job))
				watchers_moved(&l->watchers, job, -1);
		}
		bytes = line_end + 1;
	}
}

static void message(void *owner, const char *channel, const char *bytes, size_t len)
{
	struct live *l = owner;

	loop_work(l->loop, WORK_live);
	if (!live_tails_message(&l->tails, channel, bytes, len) &&
		strcmp(channel, LIVE_STATE_CHANNEL) == 0)
		state_message(l, bytes, len);
}

/* Both ways: what was published meanwhile is gone, so everybody looks again at once. */
static void follower_changed(void *owner, bool up)
{
	struct live *l = owner;

	log_info(up ? "redis is there" : "redis is away", LOG_END);
	l->look_at_ms = 0;
}

static enum err connections_open(struct live *l)
{
	const struct config *c = l->producer->config;
	struct scratch_options hooks = {.owner = l};
	struct buf why;
	enum err e;

	buf_init(&why, 1024);
	e = redis_open(c, l->loop, &hooks, &why, &l->commands);
	hooks.on_change = follower_changed;
	hooks.on_message = message;
	if (!e)
		e = redis_open(c, l->loop, &hooks, &why, &l->tails.follower);
	if (!e)
		e = scratch_follow(l->tails.follower, LIVE_STATE_CHANNEL);
	if (e)
		log_error("redis cannot be used", LOG_ERR(e),
			LOG_TEXT("why", why.bytes ? why.bytes : ""));
	buf_clear(&why);
	return e;
}

/* ---- the whole ---- */

enum err live_new(struct producer *producer, struct live **ret_live)
{
	struct live *l = calloc(1, sizeof *l);

	if (!l)
		return ERR_NOMEM;
	l->producer = producer;
	l->loop = producer->loop;
	(void)pthread_mutex_init(&l->lock, NULL);
	ring_init(&l->posted);
	ring_init(&l->arrived);
	watchers_init(&l->watchers);
	*ret_live = l;
	return ERR_OK;
}

enum err live_start(struct live *l)
{
	enum err e = loop_wake_new(l->loop, woken, l, &l->wake);

	if (!e)
		e = loop_timer_new(l->loop, tick, l, &l->timer);
	if (!e && l->producer->config->redis.limits_url[0])
		e = connections_open(l);
	if (!e)
		loop_timer_start(l->timer, TICK_MS);
	return e;
}

void live_quiesce(struct live *l)
{
	l->closing = true;
	loop_wake_send(l->wake);
}

void live_stop(struct live *l)
{
	woken(l);
	scratch_close(l->commands);
	scratch_close(l->tails.follower);
	l->commands = l->tails.follower = NULL;
}

void live_free(struct live *l)
{
	if (!l)
		return;
	loop_timer_free(l->timer);
	loop_wake_free(l->wake);
	(void)pthread_mutex_destroy(&l->lock);
	free(l);
}

enum err live_watch(struct live *l, struct watcher *w)
{
	const struct config *c = l->producer->config;
	const size_t most = (size_t)c->producer.watchers_max;
	const struct share_bounds bounds = {
		{most, most * (size_t)c->producer.watchers_tenant_percent / 100}};

	if (l->closing || !shares_claim(&l->watchers.n, w->key.tenant, 0, 1, &bounds))
		return ERR_UNAVAILABLE;
	(void)pthread_mutex_lock(&l->lock);
	w->arriving = true;
	ring_join(&l->arrived, &w->link);
	(void)pthread_mutex_unlock(&l->lock);
	loop_wake_send(l->wake);
	return ERR_OK;
}

size_t live_watchers(const struct live *l)
{
	return l->watchers.n.all;
}

/* Who has only just come is not in the table yet. */
static void arrival_undo(struct live *l, struct watcher *w)
{
	(void)pthread_mutex_lock(&l->lock);
	ring_leave(&w->link);
	(void)pthread_mutex_unlock(&l->lock);
	w->arriving = false;
	watchers_uncount(&l->watchers, w);
}

void live_unwatch(struct live *l, struct watcher *w)
{
	if (w->arriving)
		arrival_undo(l, w);
	else
		watchers_remove(&l->watchers, w);
}

struct shares *live_streams(struct live *l)
{
	return &l->streams;
}

/* As replies are bounded, beside them. */
struct share_bounds live_streams_bounds(const struct live *l)
{
	const struct config *c = l->producer->config;
	const size_t all = (size_t)c->producer.reply_memory_mb << 20;

	return (struct share_bounds){{all, all * (size_t)c->producer.reply_tenant_percent / 100}};
}

struct live_tails *live_tails(struct live *l)
{
	return &l->tails;
}

struct loop *live_loop(struct live *l)
{
	return l->loop;
}

struct scratch *live_scratch(struct live *l)
{
	return l->commands;
}

struct keyring *live_keyring(const struct live *l)
{
	return l->producer->keyring;
}

void live_post(struct live *l, struct live_call *call)
{
	(void)pthread_mutex_lock(&l->lock);
	ring_join(&l->posted, &call->link);
	(void)pthread_mutex_unlock(&l->lock);
	loop_wake_send(l->wake);
}
