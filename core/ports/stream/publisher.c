#include "ports/stream/publisher.h"

#include "ground/clock.h"
#include "ports/loop.h"
#include "ports/stream/client.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { TRY_EVERY_MS = 1000, CHOICES = 64, PARTITION_BITS = 24 };

struct stream_publisher {
	rd_kafka_t *client;
	rd_kafka_queue_t *events; /* the client's main queue, watched to wake the loop */
	struct loop_wake *wake;	  /* NULL without a loop */
	stream_delivered_fn *fn;
	void *owner;
	char *prefix;
	atomic_bool down;
	_Atomic int64_t tried_ms; /* while down: the last try */
	_Atomic uint64_t tickets; /* messages sent so far, to any partition */
	/* What was chosen for the last of them: ticket << PARTITION_BITS | partition. The choice
	 * may come long after the call, so it is told by number and not by address. */
	_Atomic uint64_t choices[CHOICES];
};

static void on_delivered(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
	struct stream_publisher *p = opaque;
	struct stream_delivery delivery = {
		.err = message->err ? ERR_STREAM : ERR_OK,
		.queue = rd_kafka_topic_name(message->rkt) + strlen(p->prefix) + 1,
		.partition = message->partition,
		.offset = message->offset,
		.bytes = message->payload,
		.len = message->len,
	};

	(void)client;
	atomic_store(&p->down, message->err != RD_KAFKA_RESP_ERR_NO_ERROR);
	if (p->fn)
		p->fn(p->owner, &delivery);
}

/* A message goes to any partition; its sender may ask which one it was. On any thread. */
static int32_t on_choice(const rd_kafka_topic_t *topic, const void *key, size_t key_len,
	int32_t partitions, void *owner, void *ticket)
{
	struct stream_publisher *p = owner;
	const uint64_t number = (uintptr_t)ticket;
	const int32_t partition =
		rd_kafka_msg_partitioner_random(topic, key, key_len, partitions, NULL, NULL);

	if (number)
		atomic_store(&p->choices[number % CHOICES],
			number << PARTITION_BITS | (uint64_t)(uint32_t)partition);
	return partition;
}

static int32_t choice_of(struct stream_publisher *p, uint64_t ticket)
{
	const uint64_t choice = atomic_load(&p->choices[ticket % CHOICES]);

	if (choice >> PARTITION_BITS != ticket)
		return -1;
	return (int32_t)(choice & ((1u << PARTITION_BITS) - 1));
}

static void on_error(rd_kafka_t *client, int error, const char *reason, void *opaque)
{
	struct stream_publisher *p = opaque;

	(void)client, (void)reason;
	if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		atomic_store(&p->down, true);
}

/* On a thread of librdkafka. */
static void on_event(rd_kafka_t *client, void *opaque)
{
	struct stream_publisher *p = opaque;

	(void)client;
	loop_wake_send(p->wake);
}

static void on_wake(void *owner)
{
	struct stream_publisher *p = owner;

	rd_kafka_poll(p->client, 0);
}

static enum err client_start(struct stream_publisher *p, const struct stream_settings *settings)
{
	char timeout[STREAM_NUMBER_MAX];
	const struct stream_option options[] = {
		{"acks", "all"}, {"sticky.partitioning.linger.ms", "0"},
		{"enable.idempotence", "false"}, {"linger.ms", "0"},
		{"message.timeout.ms",
			stream_client_number(settings->message_timeout_ms, 3000, timeout)},
		{"request.timeout.ms", "3000"},
		{"compression.codec", "none"}, /* ids hardly shrink, and zstd costs 0.2 ms a trip */
	};
	rd_kafka_topic_conf_t *topics; /* there is one: acks are a topic's */
	rd_kafka_conf_t *conf = NULL;
	enum err err =
		stream_client_conf(settings, options, sizeof options / sizeof *options, &conf);

	if (err != ERR_OK)
		return err;
	rd_kafka_conf_set_opaque(conf, p);
	topics = rd_kafka_conf_get_default_topic_conf(conf);
	rd_kafka_topic_conf_set_opaque(topics, p);
	rd_kafka_topic_conf_set_partitioner_cb(topics, on_choice);
	rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
	rd_kafka_conf_set_error_cb(conf, on_error);
	return stream_client_new(RD_KAFKA_PRODUCER, conf, &p->client);
}

static enum err loop_join(struct stream_publisher *p, struct loop *loop)
{
	enum err err = loop_wake_new(loop, on_wake, p, &p->wake);

	if (err != ERR_OK)
		return err;
	p->events = rd_kafka_queue_get_main(p->client);
	if (!p->events)
		return ERR_NOMEM;
	rd_kafka_queue_cb_event_enable(p->events, on_event, p);
	return ERR_OK;
}

enum err stream_publisher_open(struct loop *loop, const struct stream_settings *settings,
	stream_delivered_fn *fn, void *owner, struct stream_publisher **ret_publisher)
{
	struct stream_publisher *p = calloc(1, sizeof *p);
	enum err err = ERR_NOMEM;

	if (!p)
		return ERR_NOMEM;
	p->fn = fn;
	p->owner = owner;
	p->prefix = strdup(settings->topic_prefix);
	if (p->prefix)
		err = client_start(p, settings);
	if (err == ERR_OK)
		err = loop_join(p, loop);
	if (err != ERR_OK) {
		stream_publisher_close(p, 0);
		return err;
	}
	*ret_publisher = p;
	return ERR_OK;
}

/* Order: no more wake-ups, what is under way, the client with its threads, then the rest. */
void stream_publisher_close(struct stream_publisher *publisher, int wait_ms)
{
	struct stream_publisher *p = publisher;

	if (!p)
		return;
	p->fn = NULL;
	if (p->events) {
		rd_kafka_queue_cb_event_enable(p->events, NULL, NULL);
		rd_kafka_queue_destroy(p->events);
	}
	if (p->client) {
		(void)rd_kafka_flush(p->client, wait_ms);
		(void)rd_kafka_purge(p->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
		rd_kafka_poll(p->client, 0);
		rd_kafka_destroy(p->client);
	}
	loop_wake_free(p->wake);
	free(p->prefix);
	free(p);
}

enum err stream_publisher_send(struct stream_publisher *publisher, const char *queue,
	int32_t partition, const void *bytes, size_t len, int32_t *ret_partition)
{
	const uint64_t ticket = atomic_fetch_add(&publisher->tickets, 1) + 1;
	/* The library carries a pointer for us. NOLINTNEXTLINE(performance-no-int-to-ptr) */
	void *const carried = (void *)(uintptr_t)ticket;
	char topic[STREAM_TOPIC_MAX];
	enum err err = stream_client_topic(publisher->prefix, queue, topic);
	rd_kafka_resp_err_t refused;

	if (err != ERR_OK)
		return ERR_STREAM;
	/* Dated by the record: a broker refuses what a host's clock dates an hour ahead, and
	 * forgets early what it dates behind. */
	refused = rd_kafka_producev(publisher->client, RD_KAFKA_V_TOPIC(topic),
		RD_KAFKA_V_TIMESTAMP(clock_record_ms()),
		RD_KAFKA_V_PARTITION(partition < 0 ? RD_KAFKA_PARTITION_UA : partition),
		RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE((void *)bytes, len),
		RD_KAFKA_V_OPAQUE(carried), RD_KAFKA_V_END);
	if (!refused && ret_partition)
		*ret_partition = partition < 0 ? choice_of(publisher, ticket) : partition;
	return refused ? ERR_STREAM : ERR_OK;
}

bool stream_publisher_up(const struct stream_publisher *publisher)
{
	return !atomic_load(&publisher->down);
}

bool stream_publisher_worth_a_try(struct stream_publisher *publisher)
{
	int64_t now_ms = clock_ms(), tried_ms = atomic_load(&publisher->tried_ms);

	if (stream_publisher_up(publisher))
		return true;
	return now_ms - tried_ms >= TRY_EVERY_MS &&
	       atomic_compare_exchange_strong(&publisher->tried_ms, &tried_ms, now_ms);
}

void stream_publisher_mark_up(struct stream_publisher *publisher)
{
	atomic_store(&publisher->down, false);
}
