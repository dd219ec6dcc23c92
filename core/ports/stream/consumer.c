#include "ports/stream/consumer.h"

#include "ground/clock.h"
#include "ports/loop.h"
#include "ports/stream/client.h"
#include "ports/stream/parts.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum {
	POLL_MS = 500,	       /* at the latest, though every event wakes us */
	COMMIT_EVERY_MS = 20,  /* the first one at once, then joined */
	COMMIT_LOST_MS = 5000, /* an answer that late will not come */
};

struct stream_consumer {
	struct loop *loop;
	rd_kafka_t *client;
	rd_kafka_queue_t *events; /* rebalances, errors, commit answers */
	struct loop_wake *wake;
	struct loop_timer *poll;
	struct loop_timer *commit;
	stream_ready_fn *fn;
	stream_part_fn *part_fn; /* may be NULL */
	void *owner;
	char *prefix;
	struct parts parts;
	size_t cursor;	    /* whose turn it is */
	atomic_bool filled; /* something arrived since the last look at every queue */
	bool dirty;	    /* something is done and not yet sent */
	bool in_flight;	    /* a commit is */
	int64_t commit_ms;  /* when the last one left */
};

/* On a thread of librdkafka. */
static void on_event(rd_kafka_t *client, void *opaque)
{
	struct stream_consumer *c = opaque;

	(void)client;
	loop_wake_send(c->wake);
}

static void on_filled(rd_kafka_t *client, void *opaque)
{
	struct stream_consumer *c = opaque;

	atomic_store(&c->filled, true);
	on_event(client, opaque);
}

static bool commit_send(struct stream_consumer *c)
{
	rd_kafka_topic_partition_list_t *list = parts_outstanding(&c->parts);
	bool sent = false;

	if (!list)
		return false;
	c->dirty = false;
	if (list->cnt > 0) {
		sent = rd_kafka_commit(c->client, list, 1) == RD_KAFKA_RESP_ERR_NO_ERROR;
		c->dirty = !sent;
	}
	rd_kafka_topic_partition_list_destroy(list);
	return sent;
}

/* Sends what is done, unless a commit is in flight (its answer calls again) or just was. */
static void commit_flush(void *owner)
{
	struct stream_consumer *c = owner;
	int64_t since_ms = loop_now_ms(c->loop) - c->commit_ms;

	if (!c->dirty || (c->in_flight && since_ms < COMMIT_LOST_MS))
		return;
	if (since_ms < COMMIT_EVERY_MS) {
		if (!loop_timer_active(c->commit))
			loop_timer_start(c->commit, COMMIT_EVERY_MS - since_ms);
		return;
	}
	c->commit_ms = loop_now_ms(c->loop);
	c->in_flight = commit_send(c);
}

/* A refused commit is not repeated as such: what it said goes out with the next one. */
static void on_committed(rd_kafka_t *client, rd_kafka_resp_err_t error,
	rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
	struct stream_consumer *c = opaque;

	(void)client;
	c->in_flight = false;
	if (!error && offsets)
		parts_acknowledge(&c->parts, offsets);
	commit_flush(c);
}

static void part_tell(const struct stream_consumer *c, const struct part *part, bool held)
{
	if (c->part_fn)
		c->part_fn(c->owner, part->topic + strlen(c->prefix) + 1, part->partition, held);
}

/* Cuts the partition's queue off before fetching starts, so that no message takes the old way. */
static enum err part_attach(struct stream_consumer *c, const char *topic, int32_t partition)
{
	struct part *part = parts_add(&c->parts, c->client, topic, partition);

	if (!part)
		return ERR_NOMEM;
	rd_kafka_queue_cb_event_enable(part->queue, on_filled, c);
	part_tell(c, part, true);
	return ERR_OK;
}

static void part_detach(struct stream_consumer *c, const char *topic, int32_t partition)
{
	struct part *part = parts_find(&c->parts, topic, partition);

	if (!part)
		return;
	part_tell(c, part, false);
	parts_remove(&c->parts, part);
}

static void assign(struct stream_consumer *c, rd_kafka_topic_partition_list_t *parts)
{
	/* Without memory for its queue a partition would only swallow messages: leave it unread. */
	for (int i = parts->cnt - 1; i >= 0; i--)
		if (part_attach(c, parts->elems[i].topic, parts->elems[i].partition) != ERR_OK)
			rd_kafka_topic_partition_list_del_by_idx(parts, i);
	rd_kafka_error_destroy(rd_kafka_incremental_assign(c->client, parts));
	atomic_store(&c->filled, true);
}

static void revoke(struct stream_consumer *c, rd_kafka_topic_partition_list_t *parts)
{
	if (!rd_kafka_assignment_lost(c->client))
		(void)commit_send(c);
	for (int i = 0; i < parts->cnt; i++)
		part_detach(c, parts->elems[i].topic, parts->elems[i].partition);
	rd_kafka_error_destroy(rd_kafka_incremental_unassign(c->client, parts));
}

static void on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t error,
	rd_kafka_topic_partition_list_t *parts, void *opaque)
{
	(void)client;
	if (error == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
		assign(opaque, parts);
	else
		revoke(opaque, parts);
}

/* Answers rebalances and takes commit answers. A message here is an error's carrier: each real
 * one waits in its partition's queue. */
static void serve(struct stream_consumer *c)
{
	rd_kafka_message_t *message;

	while ((message = rd_kafka_consumer_poll(c->client, 0)))
		rd_kafka_message_destroy(message);
}

static void on_wake(void *owner)
{
	struct stream_consumer *c = owner;

	serve(c);
	if (atomic_load(&c->filled))
		c->fn(c->owner);
}

static void on_poll(void *owner)
{
	struct stream_consumer *c = owner;

	loop_timer_start(c->poll, POLL_MS);
	commit_flush(c);
	on_wake(c);
}

static enum err client_start(
	struct stream_consumer *c, const struct stream_settings *settings, const char *group)
{
	char session[STREAM_NUMBER_MAX];
	const struct stream_option options[] = {
		{"group.id", group},
		{"session.timeout.ms",
			stream_client_number(settings->session_timeout_ms, 6000, session)},
		{"heartbeat.interval.ms", "1000"},
		{"max.poll.interval.ms", "15000"},
		{"partition.assignment.strategy", "cooperative-sticky"},
		{"enable.auto.commit", "false"},
		{"enable.auto.offset.store", "false"},
		{"auto.offset.reset", "earliest"},
		{"fetch.wait.max.ms", "500"},
		{"fetch.error.backoff.ms", "100"},
		{"allow.auto.create.topics", "false"},
	};
	rd_kafka_conf_t *conf = NULL;
	enum err err =
		stream_client_conf(settings, options, sizeof options / sizeof *options, &conf);

	if (err != ERR_OK)
		return err;
	rd_kafka_conf_set_opaque(conf, c);
	rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	rd_kafka_conf_set_offset_commit_cb(conf, on_committed);
	return stream_client_new(RD_KAFKA_CONSUMER, conf, &c->client);
}

static enum err loop_join(struct stream_consumer *c)
{
	enum err err = loop_wake_new(c->loop, on_wake, c, &c->wake);

	if (err == ERR_OK)
		err = loop_timer_new(c->loop, commit_flush, c, &c->commit);
	if (err == ERR_OK)
		err = loop_timer_new(c->loop, on_poll, c, &c->poll);
	if (err != ERR_OK)
		return err;
	rd_kafka_poll_set_consumer(c->client);
	c->events = rd_kafka_queue_get_consumer(c->client);
	if (!c->events)
		return ERR_NOMEM;
	rd_kafka_queue_cb_event_enable(c->events, on_event, c);
	loop_timer_start(c->poll, POLL_MS);
	return ERR_OK;
}

enum err stream_consumer_open(struct loop *loop, const struct stream_settings *settings,
	const char *group, stream_ready_fn *fn, void *owner, struct stream_consumer **ret_consumer)
{
	struct stream_consumer *c = calloc(1, sizeof *c);
	enum err err = ERR_NOMEM;

	if (!c)
		return ERR_NOMEM;
	c->loop = loop;
	c->fn = fn;
	c->owner = owner;
	c->prefix = strdup(settings->topic_prefix);
	if (c->prefix)
		err = client_start(c, settings, group);
	if (err == ERR_OK)
		err = loop_join(c);
	if (err != ERR_OK) {
		stream_consumer_close(c, 0);
		return err;
	}
	*ret_consumer = c;
	return ERR_OK;
}

void stream_consumer_tell_parts(struct stream_consumer *consumer, stream_part_fn *fn)
{
	consumer->part_fn = fn;
}

/* While closing, rebalances come as events: unanswered, the group would never let go. */
static void closing_serve(struct stream_consumer *c, rd_kafka_event_t *event)
{
	rd_kafka_topic_partition_list_t *parts;

	if (rd_kafka_event_type(event) != RD_KAFKA_EVENT_REBALANCE)
		return;
	parts = rd_kafka_event_topic_partition_list(event);
	if (parts)
		on_rebalance(c->client, rd_kafka_event_error(event), parts, c);
}

/* Leaves by hand, as rd_kafka_consumer_close() would wait for a dead broker without a deadline. */
static void leave(struct stream_consumer *c, int wait_ms)
{
	rd_kafka_queue_t *last = rd_kafka_queue_new(c->client);
	int64_t until_ms = clock_ms() + wait_ms;

	if (!last)
		return;
	if (c->dirty)
		(void)commit_send(c);
	rd_kafka_error_destroy(rd_kafka_consumer_close_queue(c->client, last));
	while (!rd_kafka_consumer_closed(c->client) && clock_ms() < until_ms) {
		rd_kafka_event_t *event = rd_kafka_queue_poll(last, 20);

		closing_serve(c, event);
		rd_kafka_event_destroy(event);
	}
	rd_kafka_queue_destroy(last);
}

/* Order: no more wake-ups, the group, the partitions' queues, the client with its threads, then
 * what it woke. */
void stream_consumer_close(struct stream_consumer *consumer, int wait_ms)
{
	struct stream_consumer *c = consumer;

	if (!c)
		return;
	if (c->events) {
		rd_kafka_queue_cb_event_enable(c->events, NULL, NULL);
		rd_kafka_queue_destroy(c->events);
	}
	if (c->client && c->commit)
		leave(c, wait_ms);
	parts_clear(&c->parts);
	if (c->client)
		rd_kafka_destroy_flags(c->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	loop_timer_free(c->poll);
	loop_timer_free(c->commit);
	loop_wake_free(c->wake);
	free(c->prefix);
	free(c);
}

/* The same topics, in whatever order? Lists are short and rarely differ. */
static bool subscribed(struct stream_consumer *c, const rd_kafka_topic_partition_list_t *wanted)
{
	rd_kafka_topic_partition_list_t *now = NULL;
	bool same;

	if (rd_kafka_subscription(c->client, &now) != RD_KAFKA_RESP_ERR_NO_ERROR)
		return false;
	same = now->cnt == wanted->cnt;
	for (int i = 0; same && i < now->cnt; i++)
		same = rd_kafka_topic_partition_list_find(
			       wanted, now->elems[i].topic, RD_KAFKA_PARTITION_UA) != NULL;
	rd_kafka_topic_partition_list_destroy(now);
	return same;
}

enum err stream_consumer_subscribe(
	struct stream_consumer *consumer, const char *const *queues, size_t n)
{
	rd_kafka_topic_partition_list_t *wanted = rd_kafka_topic_partition_list_new((int)n);
	char topic[STREAM_TOPIC_MAX];
	rd_kafka_resp_err_t refused = RD_KAFKA_RESP_ERR_NO_ERROR;
	enum err err = wanted ? ERR_OK : ERR_NOMEM;

	for (size_t i = 0; err == ERR_OK && i < n; i++) {
		err = stream_client_topic(consumer->prefix, queues[i], topic);
		if (err == ERR_OK)
			rd_kafka_topic_partition_list_add(wanted, topic, RD_KAFKA_PARTITION_UA);
	}
	if (err == ERR_OK && !subscribed(consumer, wanted))
		refused = n ? rd_kafka_subscribe(consumer->client, wanted)
			    : rd_kafka_unsubscribe(consumer->client);
	if (wanted)
		rd_kafka_topic_partition_list_destroy(wanted);
	return err != ERR_OK || !refused ? err : ERR_STREAM;
}

bool stream_consumer_take(struct stream_consumer *consumer, stream_wanted_fn *wanted, void *owner,
	struct stream_message *ret_message)
{
	struct stream_consumer *c = consumer;
	rd_kafka_message_t *message = NULL;
	bool passed = false;

	if (!atomic_exchange(&c->filled, false))
		return false;
	for (size_t i = 0; !message && i < c->parts.n; i++) {
		struct part *part = &c->parts.list[c->cursor++ % c->parts.n];

		if (!wanted || wanted(owner, part->topic + strlen(c->prefix) + 1))
			message = part_take(part);
		else
			passed = true;
	}
	if (!message) {
		if (passed) /* one may lie there */
			atomic_store(&c->filled, true);
		return false;
	}
	atomic_store(&c->filled, true);
	*ret_message = (struct stream_message){
		.queue = rd_kafka_topic_name(message->rkt) + strlen(c->prefix) + 1,
		.partition = message->partition,
		.offset = message->offset,
		.bytes = message->payload,
		.len = message->len,
		.handle = message,
	};
	return true;
}

void stream_consumer_done(struct stream_consumer *consumer, struct stream_message *message)
{
	const rd_kafka_message_t *handle = message->handle;
	struct part *part =
		parts_find(&consumer->parts, rd_kafka_topic_name(handle->rkt), handle->partition);

	/* Not when it is another member's by now, or read anew since: it is seen again then. */
	if (part && part_done(part, handle->offset))
		consumer->dirty = true;
	stream_consumer_drop(consumer, message);
	commit_flush(consumer);
}

void stream_consumer_drop(struct stream_consumer *consumer, struct stream_message *message)
{
	(void)consumer;
	rd_kafka_message_destroy(message->handle);
	message->handle = NULL;
}

size_t stream_consumer_partitions(const struct stream_consumer *consumer)
{
	return consumer->parts.n;
}
