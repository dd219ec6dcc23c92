/* client.h - what publisher, consumer and admin share: making a librdkafka client.
 *
 * For core/ports/stream/ only.
 *
 * Threads: any; each client belongs to the one part that made it. librdkafka starts
 * threads of its own for it (settings.h).
 * Memory: a conf is the caller's until stream_client_new takes it; a client is the
 * caller's, to end with rd_kafka_destroy. Texts are copied. */
#ifndef PORTS_STREAM_CLIENT_H
#define PORTS_STREAM_CLIENT_H

#include "ground/err.h"
#include "ports/stream/settings.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>

struct stream_option {
	const char *name;
	const char *value;
};

/* The settings, then options. Silent: what matters reaches the owner as an outcome, and
 * librdkafka's own lines are not JSON. Reads the password's file. ERR_CONFIG, ERR_NOMEM */
MUST_CHECK enum err stream_client_conf(const struct stream_settings *settings,
	const struct stream_option *options, size_t n, rd_kafka_conf_t **ret_conf);
/* Takes conf in any case. ERR_CONFIG when it contradicts itself or its certificates cannot be used,
 * ERR_SYSTEM when no thread could be started. */
MUST_CHECK enum err stream_client_new(
	rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret_client);
enum { STREAM_NUMBER_MAX = 24 };
/* value, or initial when it is 0, as an option's text in out. */
const char *stream_client_number(int64_t value, int64_t initial, char out[STREAM_NUMBER_MAX]);
/* <prefix>.<queue>; ERR_TOO_LARGE */
MUST_CHECK enum err stream_client_topic(
	const char *prefix, const char *queue, char out[STREAM_TOPIC_MAX]);

#endif
