/* settings.h - which Kafka, and how queues become topics.
 *
 * core/ports/stream/ is the one folder that knows librdkafka. It has three
 * parts: publisher.h (ids go out), consumer.h (ids come in) and admin.h (topics
 * are made, positions are asked). One topic per queue: <topic_prefix>.<queue>.
 *
 * Kafka only ever carries hints, so every part here may be away for as long as
 * it likes: nothing blocks without a deadline, clients reconnect by themselves,
 * and an error is a fact to count, never a reason to stop.
 *
 * Threads: librdkafka starts its own (one main, one per broker, per client); they
 * never call into longhaul but to wake a loop. All else runs where it is called. */
#ifndef PORTS_STREAM_SETTINGS_H
#define PORTS_STREAM_SETTINGS_H

#include <stdint.h>

enum { STREAM_PARTITIONS = 12, STREAM_TOPIC_MAX = 250 };

/* Who the brokers are to us and we to them. NULL and "" alike: not given. */
struct stream_security {
	const char *protocol;  /* "plaintext" (not given), "ssl", "sasl_plaintext", "sasl_ssl" */
	const char *ca_file;   /* PEM; not given: the system's */
	const char *mechanism; /* "PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512" */
	const char *username;
	const char *password_file; /* read by every _open, then wiped */
};

/* Strings are copied by every _open. */
struct stream_settings {
	const char *brokers; /* host:port[,host:port] */
	struct stream_security security;
	const char *topic_prefix; /* "longhaul" */
	const char *client_id;	  /* the program's name, for the broker's logs */
	/* 0 = the initial value in the configuration */
	int64_t message_timeout_ms;   /* publisher */
	int64_t session_timeout_ms;   /* consumer */
	int64_t partitions, replicas; /* admin: of topics it makes */
};

#endif
