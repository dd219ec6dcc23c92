#include "connect/kafka.h"

struct stream_settings kafka_settings(const struct config *config, const char *client_id)
{
	return (struct stream_settings){
		.brokers = config->kafka.brokers,
		.security =
			{
				.protocol = config->kafka.security_protocol,
				.ca_file = config->kafka.ca_file,
				.mechanism = config->kafka.sasl_mechanism,
				.username = config->kafka.sasl_username,
				.password_file = config->kafka.sasl_password_file,
			},
		.topic_prefix = config->kafka.topic_prefix,
		.client_id = client_id,
		.message_timeout_ms = config->kafka.message_timeout_ms,
		.session_timeout_ms = config->kafka.session_timeout_ms,
		.partitions = config->kafka.partitions,
		.replicas = config->kafka.replicas,
	};
}
