#include "ports/stream/parts.h"

#include "ports/stream/settings.h"

#include <stdlib.h>
#include <string.h>

struct part *parts_find(struct parts *parts, const char *topic, int32_t partition)
{
	for (size_t i = 0; i < parts->n; i++)
		if (parts->list[i].partition == partition &&
			strcmp(parts->list[i].topic, topic) == 0)
			return &parts->list[i];
	return NULL;
}

static bool parts_reserve(struct parts *parts)
{
	size_t room = parts->room ? 2 * parts->room : 2 * STREAM_PARTITIONS;
	struct part *list;

	if (parts->n < parts->room)
		return true;
	list = realloc(parts->list, room * sizeof *list);
	if (!list)
		return false;
	parts->list = list;
	parts->room = room;
	return true;
}

struct part *parts_add(
	struct parts *parts, rd_kafka_t *client, const char *topic, int32_t partition)
{
	struct part part = {strdup(topic), partition, NULL, -1, -1, -1};

	if (part.topic && parts_reserve(parts))
		part.queue = rd_kafka_queue_get_partition(client, topic, partition);
	if (!part.queue) {
		free(part.topic);
		return NULL;
	}
	rd_kafka_queue_forward(part.queue, NULL);
	parts->list[parts->n] = part;
	return &parts->list[parts->n++];
}

static void part_clear(struct part *part)
{
	rd_kafka_queue_cb_event_enable(part->queue, NULL, NULL);
	rd_kafka_queue_destroy(part->queue);
	free(part->topic);
}

void parts_remove(struct parts *parts, struct part *part)
{
	part_clear(part);
	*part = parts->list[--parts->n];
}

void parts_clear(struct parts *parts)
{
	while (parts->n > 0)
		part_clear(&parts->list[--parts->n]);
	free(parts->list);
	*parts = (struct parts){0};
}

rd_kafka_message_t *part_take(struct part *part)
{
	rd_kafka_message_t *message = rd_kafka_consume_queue(part->queue, 0);

	while (message && message->err) {
		rd_kafka_message_destroy(message);
		message = rd_kafka_consume_queue(part->queue, 0);
	}
	if (!message)
		return NULL;
	if (message->offset < part->taken) /* read anew, from further in front */
		part->next = -1;
	part->taken = message->offset;
	return message;
}

bool part_done(struct part *part, int64_t offset)
{
	const bool counts = offset <= part->taken && offset >= part->next;

	if (counts)
		part->next = offset + 1;
	return counts;
}

rd_kafka_topic_partition_list_t *parts_outstanding(const struct parts *parts)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)parts->n);

	for (size_t i = 0; list && i < parts->n; i++) {
		const struct part *part = &parts->list[i];

		if (part->next >= 0 && part->next != part->told)
			rd_kafka_topic_partition_list_add(list, part->topic, part->partition)
				->offset = part->next;
	}
	return list;
}

void parts_acknowledge(struct parts *parts, const rd_kafka_topic_partition_list_t *offsets)
{
	for (int i = 0; i < offsets->cnt; i++) {
		const rd_kafka_topic_partition_t *told = &offsets->elems[i];
		struct part *part = parts_find(parts, told->topic, told->partition);

		if (part && !told->err)
			part->told = told->offset;
	}
}
