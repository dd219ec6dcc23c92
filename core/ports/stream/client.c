#include "ports/stream/client.h"

#include "ground/secret.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <threads.h>
#include <time.h>

static struct timespec sum(struct timespec a, struct timespec b, int sign)
{
	const int64_t second_ns = 1000000000;
	const int64_t ns = (a.tv_sec + sign * b.tv_sec) * second_ns + a.tv_nsec + sign * b.tv_nsec;

	return (struct timespec){.tv_sec = ns / second_ns, .tv_nsec = ns % second_ns};
}

/* The C library's, as librdkafka calls it: a program's own functions come before a library's. All
 * of its waits end at a moment of the wall clock (2.0.2, and as its authors know, later ones), so
 * that a clock that is set back by an hour stopped its threads for an hour: no heartbeat, no
 * time-out, and who waited for an answer of a broker that was away stood still with them. This one
 * waits as long as that moment was away when it was asked, by the clock that nobody sets. */
int cnd_timedwait(
	cnd_t *restrict cond, mtx_t *restrict mutex, const struct timespec *restrict time_point)
{
	struct timespec wall, now, by;
	int how;

	(void)clock_gettime(CLOCK_REALTIME, &wall);
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	by = sum(now, sum(*time_point, wall, -1), 1);
	if (by.tv_sec < 0 || by.tv_nsec < 0)
		by = now;
	/* Conditions and locks of both kinds are the same things in the C library. */
	how = pthread_cond_clockwait(
		(pthread_cond_t *)cond, (pthread_mutex_t *)mutex, CLOCK_MONOTONIC, &by);
	return how == ETIMEDOUT ? thrd_timedout : how ? thrd_error : thrd_success;
}

static void silent(const rd_kafka_t *client, int level, const char *facility, const char *line)
{
	(void)client, (void)level, (void)facility, (void)line;
}

/* An option without a value keeps librdkafka's own. */
static enum err set_all(rd_kafka_conf_t *conf, const struct stream_option *options, size_t n)
{
	char text[512];

	for (size_t i = 0; i < n; i++)
		if (options[i].value && options[i].value[0] &&
			rd_kafka_conf_set(conf, options[i].name, options[i].value, text,
				sizeof text) != RD_KAFKA_CONF_OK)
			return ERR_CONFIG;
	return ERR_OK;
}

/* A certificate must name the host that was called, whatever a release of librdkafka thinks. */
static enum err set_security(rd_kafka_conf_t *conf, const struct stream_security *security)
{
	struct secret password = {NULL, 0};
	const char *file = security->password_file;
	enum err err = file && file[0] ? secret_read(file, NULL, &password) : ERR_OK;
	const struct stream_option options[] = {
		{"security.protocol", security->protocol},
		{"ssl.ca.location", security->ca_file},
		{"ssl.endpoint.identification.algorithm", "https"},
		{"sasl.mechanism", security->mechanism},
		{"sasl.username", security->username},
		{"sasl.password", password.bytes},
	};

	if (err == ERR_OK)
		err = set_all(conf, options, sizeof options / sizeof *options);
	secret_clear(&password);
	return err;
}

enum err stream_client_conf(const struct stream_settings *settings,
	const struct stream_option *options, size_t n, rd_kafka_conf_t **ret_conf)
{
	const struct stream_option shared[] = {
		{"bootstrap.servers", settings->brokers},
		{"client.id", settings->client_id},
		{"reconnect.backoff.ms", "50"},
		{"reconnect.backoff.max.ms", "1000"},
		{"socket.connection.setup.timeout.ms", "3000"},
		{"socket.nagle.disable", "true"},
		{"topic.metadata.refresh.interval.ms", "30000"},
		{"log.connection.close", "false"},
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	enum err err;

	if (!conf)
		return ERR_NOMEM;
	err = set_all(conf, shared, sizeof shared / sizeof *shared);
	if (err == ERR_OK)
		err = set_security(conf, &settings->security);
	if (err == ERR_OK)
		err = set_all(conf, options, n);
	if (err != ERR_OK) {
		rd_kafka_conf_destroy(conf);
		return err;
	}
	rd_kafka_conf_set_log_cb(conf, silent);
	*ret_conf = conf;
	return ERR_OK;
}

enum err stream_client_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, rd_kafka_t **ret_client)
{
	char text[512];
	rd_kafka_t *client = rd_kafka_new(type, conf, text, sizeof text);

	if (!client) {
		rd_kafka_conf_destroy(conf);
		return rd_kafka_last_error() == RD_KAFKA_RESP_ERR__INVALID_ARG ? ERR_CONFIG
									       : ERR_SYSTEM;
	}
	*ret_client = client;
	return ERR_OK;
}

enum err stream_client_topic(const char *prefix, const char *queue, char out[STREAM_TOPIC_MAX])
{
	int len = snprintf(out, STREAM_TOPIC_MAX, "%s.%s", prefix, queue);

	return len < 0 || len >= STREAM_TOPIC_MAX ? ERR_TOO_LARGE : ERR_OK;
}

const char *stream_client_number(int64_t value, int64_t initial, char out[STREAM_NUMBER_MAX])
{
	snprintf(out, STREAM_NUMBER_MAX, "%lld", (long long)(value ? value : initial));
	return out;
}
