#include "publish.h"

#include "connect/kafka.h"
#include "domain/dispatch_message.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "jobs/live_tell.h"
#include "loops.h"
#include "ports/stream/publisher.h"
#include "producer.h"
#include "queues.h"
#include "stores/dispatch.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { GROUPS_MAX = 16, CLOSE_WAIT_MS = 500, SENT_MAX = 100, EARLY_MAX = 16, EARLY_PER_S = 100 };

struct publish {
	struct producer *producer;
	struct stream_publisher *stream; /* NULL: no brokers */
	_Atomic int64_t second;		 /* of the last message */
	_Atomic unsigned sent, before;	 /* messages in it, and in the second before it */
};

/* One queue's part of a batch: one message. */
struct group {
	struct queue_view *queue;
	struct id batch;
	int64_t n;
};

struct publish_plan {
	struct publish *publish;
	struct queues_view *view;
	struct submit *const *list;
	size_t list_n, groups_n;
	struct group groups[GROUPS_MAX];
};

/* ---- before the commit ---- */

static struct queue_view *queue_of(struct queues_view *view, int32_t id)
{
	for (size_t i = 0; i < view->n; i++)
		if (view->list[i].queue.id == id)
			return &view->list[i];
	return NULL;
}

static struct group *group_of(struct publish_plan *plan, int32_t queue_id)
{
	struct queue_view *queue;

	for (size_t i = 0; i < plan->groups_n; i++)
		if (plan->groups[i].queue->queue.id == queue_id)
			return &plan->groups[i];
	queue = queue_of(plan->view, queue_id);
	if (!queue || queue->queue.paused || queue->allot <= 0 || plan->groups_n == GROUPS_MAX)
		return NULL;
	plan->groups[plan->groups_n] = (struct group){.queue = queue, .batch = id_new(0)};
	return &plan->groups[plan->groups_n++];
}

static void mark(struct publish_plan *plan, struct submit *s)
{
	struct group *g = s->run_at_ms ? NULL : group_of(plan, s->queue_id);

	s->batch = (struct id){{0}}; /* it may be of a batch that was halved */
	if (!g || g->n >= DISPATCH_MESSAGE_JOBS_MAX || queues_allot_take(g->queue, 1) == 0)
		return;
	s->batch = g->batch;
	g->n++;
}

struct publish_plan *publish_plan(struct producer *producer, struct submit *const *list, size_t n)
{
	struct publish *p = producer->publish;
	struct publish_plan *plan;

	if (!p || !p->stream || !stream_publisher_worth_a_try(p->stream))
		return NULL;
	plan = calloc(1, sizeof *plan);
	if (!plan)
		return NULL;
	plan->publish = p;
	plan->view = queues_hold(producer->queues);
	plan->list = list;
	plan->list_n = n;
	for (size_t i = 0; plan->view && i < n; i++)
		mark(plan, list[i]);
	if (plan->groups_n > 0)
		return plan;
	queues_view_release(plan->view);
	free(plan);
	return NULL;
}

/* ---- after it ---- */

/* Counts the message. Under load Kafka's two milliseconds are nothing, and the company that
 * messages gather meanwhile makes claims cheap. Lanes may count one wrong: it is no bound. */
static bool is_quiet(struct publish *p)
{
	const int64_t second = clock_ms() / 1000, last = atomic_exchange(&p->second, second);

	if (last != second)
		p->before = atomic_exchange(&p->sent, 0) * (last == second - 1);
	return atomic_fetch_add(&p->sent, 1) < EARLY_PER_S && p->before < EARLY_PER_S;
}

/* A few jobs are somebody who waits: their worker hears of them at once. */
static void message_send(
	struct publish *p, const char *queue, const uint8_t *bytes, size_t len, size_t jobs)
{
	const bool quiet = is_quiet(p);
	int32_t partition = -1;

	/* refused: the leader misses the batch's delivery report and dispatches it anew */
	if (stream_publisher_send(p->stream, queue, -1, bytes, len, &partition))
		log_debug("publish refused", LOG_TEXT("queue", queue));
	else if (partition >= 0 && quiet && jobs <= EARLY_MAX)
		live_tell_early(p->producer->live, queue, partition, bytes, len);
}

static void group_send(const struct publish_plan *plan, const struct group *g)
{
	struct dispatch_key keys[DISPATCH_MESSAGE_JOBS_MAX];
	uint8_t bytes[DISPATCH_MESSAGE_BYTES_MAX];
	size_t n = 0, len;

	for (size_t i = 0; i < plan->list_n; i++) {
		const struct submit *s = plan->list[i];

		if (id_equal(s->batch, g->batch) && !s->outcome && s->ready && !s->replayed)
			keys[n++] = (struct dispatch_key){s->tenant, s->job_id};
	}
	len = dispatch_message_write(g->batch, keys, n, bytes);
	if (len)
		message_send(plan->publish, g->queue->name_text, bytes, len, n);
}

void publish_go(struct publish_plan *plan, bool committed)
{
	if (!plan)
		return;
	for (size_t i = 0; i < plan->groups_n; i++) {
		if (committed)
			group_send(plan, &plan->groups[i]);
		else
			plan->groups[i].queue->allot += plan->groups[i].n;
	}
	queues_view_release(plan->view);
	free(plan);
}

/* ---- where it landed ---- */

struct sent {
	struct record_item item; /* first */
	struct dispatch_batch batch;
	char topic[256];
};

static void sent_done(struct record_item *item, enum err e)
{
	free(item);
}

static void sent_noted(void *ctx, enum err e, const struct db_reply *reply)
{
	record_batch_end(ctx, e);
}

static enum err sent_run(struct db *db, struct record_batch *batch)
{
	struct dispatch_batch list[SENT_MAX];

	for (size_t i = 0; i < batch->n; i++)
		list[i] = ((struct sent *)(void *)batch->items[i])->batch;
	return dispatch_sent(db, list, batch->n, sent_noted, batch);
}

const struct record_op publish_sent_op = {"published", RECORD_SLOW, SENT_MAX, sent_run, NULL};

static struct sent *sent_new(struct publish *p, const struct stream_delivery *d)
{
	struct dispatch_message message;
	struct sent *s;
	const char *prefix = p->producer->config->kafka.topic_prefix;

	if (dispatch_message_read(d->bytes, d->len, &message) || !(s = calloc(1, sizeof *s)))
		return NULL;
	(void)snprintf(s->topic, sizeof s->topic, "%s.%s", prefix, d->queue);
	s->item.op = &publish_sent_op;
	s->item.done = sent_done;
	s->batch = (struct dispatch_batch){.id = message.batch,
		.jobs = (int32_t)message.n,
		.topic = s->topic,
		.partition = d->err ? -1 : d->partition,
		.offset = d->err ? -1 : d->offset};
	return s;
}

static void delivered(void *owner, const struct stream_delivery *d)
{
	struct publish *p = owner;
	struct queues_view *view = queues_hold(p->producer->queues);
	struct queue_view *queue = view ? queues_find(view, d->queue) : NULL;
	struct sent *s = queue ? sent_new(p, d) : NULL;

	loop_work(p->producer->loop, WORK_publish);
	if (s) {
		s->batch.queue_id = queue->queue.id;
		if (record_add(p->producer->record, &s->item))
			free(s);
	}
	queues_view_release(view);
}

/* ---- the whole ---- */

enum err publish_new(struct producer *producer, struct publish **ret_publish)
{
	const struct config *config = producer->config;
	const struct stream_settings settings = kafka_settings(config, "longhaul-producer");
	struct publish *p = calloc(1, sizeof *p);
	enum err e = p ? ERR_OK : ERR_NOMEM;

	if (!e) {
		p->producer = producer;
		if (config->kafka.brokers[0])
			e = stream_publisher_open(
				producer->loop, &settings, delivered, p, &p->stream);
	}
	if (e)
		free(p);
	else
		*ret_publish = p;
	return e;
}

void publish_free(struct publish *p)
{
	if (!p)
		return;
	stream_publisher_close(p->stream, CLOSE_WAIT_MS);
	free(p);
}

bool publish_is_up(const struct publish *p)
{
	return p && p->stream && stream_publisher_up(p->stream);
}
