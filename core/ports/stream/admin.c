#include "ports/stream/admin.h"

#include "ground/clock.h"
#include "ports/stream/client.h"

#include <stdlib.h>
#include <string.h>

/* A consumer that never subscribes: it belongs to the group by name only, joins nothing, and may
 * ask for its offsets. */
struct stream_admin {
	rd_kafka_t *client;
	char *prefix;
	int partitions, replicas;
};

enum err stream_admin_open(
	const struct stream_settings *settings, const char *group, struct stream_admin **ret_admin)
{
	const struct stream_option options[] = {
		{"group.id", group},
		{"enable.auto.commit", "false"},
	};
	struct stream_admin *admin = calloc(1, sizeof *admin);
	rd_kafka_conf_t *conf = NULL;
	enum err err = ERR_NOMEM;

	if (!admin)
		return ERR_NOMEM;
	admin->partitions = settings->partitions ? (int)settings->partitions : STREAM_PARTITIONS;
	admin->replicas = settings->replicas ? (int)settings->replicas : -1;
	admin->prefix = strdup(settings->topic_prefix);
	if (admin->prefix)
		err = stream_client_conf(
			settings, options, sizeof options / sizeof *options, &conf);
	if (err == ERR_OK)
		err = stream_client_new(RD_KAFKA_CONSUMER, conf, &admin->client);
	if (err != ERR_OK) {
		stream_admin_close(admin);
		return err;
	}
	*ret_admin = admin;
	return ERR_OK;
}

void stream_admin_close(struct stream_admin *admin)
{
	if (!admin)
		return;
	if (admin->client)
		rd_kafka_destroy_flags(admin->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	free(admin->prefix);
	free(admin);
}

/* Asked first: while no broker is there, librdkafka's threads wake each other without a pause
 * about a request to its controller or coordinator, and a core is lost. This one it waits for. */
static bool reachable(struct stream_admin *admin, int64_t until_ms)
{
	const struct rd_kafka_metadata *known;
	const int64_t left_ms = until_ms - clock_ms();

	if (left_ms <= 0 || rd_kafka_metadata(admin->client, 0, NULL, &known, (int)left_ms))
		return false;
	rd_kafka_metadata_destroy(known);
	return true;
}

static enum err topics_name(struct stream_admin *admin, const char *const *queues, size_t n,
	rd_kafka_NewTopic_t **ret_topics)
{
	char name[STREAM_TOPIC_MAX], text[256];

	for (size_t i = 0; i < n; i++) {
		enum err err = stream_client_topic(admin->prefix, queues[i], name);

		if (err != ERR_OK)
			return err;
		ret_topics[i] = rd_kafka_NewTopic_new(
			name, admin->partitions, admin->replicas, text, sizeof text);
		if (!ret_topics[i])
			return ERR_STREAM;
	}
	return ERR_OK;
}

static enum err topics_outcome(rd_kafka_event_t *event)
{
	const rd_kafka_CreateTopics_result_t *result =
		event ? rd_kafka_event_CreateTopics_result(event) : NULL;
	const rd_kafka_topic_result_t **topics;
	size_t n = 0;

	if (!result || rd_kafka_event_error(event))
		return ERR_STREAM;
	topics = rd_kafka_CreateTopics_result_topics(result, &n);
	for (size_t i = 0; i < n; i++) {
		rd_kafka_resp_err_t error = rd_kafka_topic_result_error(topics[i]);

		if (error && error != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
			return ERR_STREAM;
	}
	return ERR_OK;
}

static enum err topics_create(
	struct stream_admin *admin, rd_kafka_NewTopic_t **topics, size_t n, int wait_ms)
{
	rd_kafka_queue_t *answers = rd_kafka_queue_new(admin->client);
	rd_kafka_AdminOptions_t *options =
		rd_kafka_AdminOptions_new(admin->client, RD_KAFKA_ADMIN_OP_CREATETOPICS);
	rd_kafka_event_t *event = NULL;
	enum err err = ERR_NOMEM;
	char text[256];

	if (!answers || !options)
		goto out;
	err = ERR_STREAM;
	if (rd_kafka_AdminOptions_set_request_timeout(options, wait_ms, text, sizeof text))
		goto out;
	rd_kafka_CreateTopics(admin->client, topics, n, options, answers);
	event = rd_kafka_queue_poll(answers, wait_ms + 100);
	err = topics_outcome(event);
out:
	rd_kafka_event_destroy(event);
	if (options)
		rd_kafka_AdminOptions_destroy(options);
	if (answers)
		rd_kafka_queue_destroy(answers);
	return err;
}

enum err stream_admin_ensure(
	struct stream_admin *admin, const char *const *queues, size_t n, int wait_ms)
{
	const int64_t until_ms = clock_ms() + wait_ms;
	rd_kafka_NewTopic_t **topics;
	enum err err;

	if (n == 0)
		return ERR_OK;
	if (!reachable(admin, until_ms))
		return ERR_STREAM;
	topics = calloc(n, sizeof *topics);
	if (!topics)
		return ERR_NOMEM;
	err = topics_name(admin, queues, n, topics);
	if (err == ERR_OK)
		err = topics_create(admin, topics, n, (int)(until_ms - clock_ms()));
	for (size_t i = 0; i < n; i++)
		if (topics[i])
			rd_kafka_NewTopic_destroy(topics[i]);
	free(topics);
	return err;
}

static enum err positions_list(struct stream_admin *admin, const struct stream_position *positions,
	size_t n, rd_kafka_topic_partition_list_t *list)
{
	char topic[STREAM_TOPIC_MAX];

	for (size_t i = 0; i < n; i++) {
		enum err err = stream_client_topic(admin->prefix, positions[i].queue, topic);

		if (err != ERR_OK)
			return err;
		rd_kafka_topic_partition_list_add(list, topic, positions[i].partition);
	}
	return ERR_OK;
}

/* A topic that is not there is an answer (-1); anything else unanswered is not. */
static enum err watermarks(struct stream_admin *admin, const char *topic,
	struct stream_position *position, int wait_ms)
{
	rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(admin->client, topic,
		position->partition, &position->low, &position->high, wait_ms);

	if (!error)
		return ERR_OK;
	position->low = position->high = -1;
	return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
			       error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
			       error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION
		       ? ERR_OK
		       : ERR_STREAM;
}

enum err stream_admin_survey(
	struct stream_admin *admin, struct stream_position *positions, size_t n, int wait_ms)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)n);
	const int64_t until_ms = clock_ms() + wait_ms;
	enum err err = list ? positions_list(admin, positions, n, list) : ERR_NOMEM;

	if (err == ERR_OK && !reachable(admin, until_ms))
		err = ERR_STREAM;
	if (err == ERR_OK && rd_kafka_committed(admin->client, list, wait_ms))
		err = ERR_STREAM;
	for (size_t i = 0; err == ERR_OK && i < n; i++) {
		int64_t left_ms = until_ms - clock_ms();

		positions[i].committed = list->elems[i].offset < 0 ? -1 : list->elems[i].offset;
		err = left_ms <= 0 ? ERR_STREAM
				   : watermarks(admin, list->elems[i].topic, &positions[i],
					     (int)left_ms);
	}
	if (list)
		rd_kafka_topic_partition_list_destroy(list);
	return err;
}
