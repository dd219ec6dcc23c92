/* Who Kafka's brokers are to us: options, and the first bytes on the wire. */
#include "ports/stream/client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WAIT_MS = 120000, TEXT_ROOM = 200 };

static const char PASSWORD[] = "not for the log";

/* A secret's file that only its owner reads; its path in path. */
static void password_file(char path[TEXT_ROOM])
{
	int fd;

	snprintf(path, TEXT_ROOM, "/tmp/stream-XXXXXX");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0600), 0);
	assert_int_equal(write(fd, PASSWORD, sizeof(PASSWORD) - 1), sizeof(PASSWORD) - 1);
	assert_int_equal(close(fd), 0);
}

static void expect(const rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char text[TEXT_ROOM] = "";
	size_t len = sizeof(text);

	assert_int_equal(rd_kafka_conf_get(conf, name, text, &len), RD_KAFKA_CONF_OK);
	assert_string_equal(text, value);
}

static void test_without_security_brokers_are_spoken_to_plainly(void **state)
{
	const struct stream_settings settings = {.brokers = "127.0.0.1:1", .client_id = "test"};
	rd_kafka_conf_t *conf = NULL;

	assert_int_equal(stream_client_conf(&settings, NULL, 0, &conf), ERR_OK);
	expect(conf, "security.protocol", "plaintext");
	rd_kafka_conf_destroy(conf);
}

static void test_credentials_reach_the_client_and_hosts_must_match(void **state)
{
	char path[TEXT_ROOM];
	const struct stream_settings settings = {
		.brokers = "127.0.0.1:1",
		.security = {"sasl_ssl", "/etc/ssl/some.pem", "SCRAM-SHA-512", "longhaul", path},
		.client_id = "test",
	};
	rd_kafka_conf_t *conf = NULL;

	password_file(path);
	assert_int_equal(stream_client_conf(&settings, NULL, 0, &conf), ERR_OK);
	expect(conf, "security.protocol", "sasl_ssl");
	expect(conf, "ssl.ca.location", "/etc/ssl/some.pem");
	expect(conf, "ssl.endpoint.identification.algorithm", "https");
	expect(conf, "sasl.mechanism", "SCRAM-SHA-512");
	expect(conf, "sasl.username", "longhaul");
	expect(conf, "sasl.password", PASSWORD);
	rd_kafka_conf_destroy(conf);
	assert_int_equal(unlink(path), 0);
}

static void test_a_password_that_cannot_be_read_makes_no_client(void **state)
{
	const struct stream_settings settings = {
		.brokers = "127.0.0.1:1",
		.security = {"sasl_plaintext", NULL, "PLAIN", "longhaul", "/nowhere/password"},
		.client_id = "test",
	};
	rd_kafka_conf_t *conf = NULL;

	assert_int_equal(stream_client_conf(&settings, NULL, 0, &conf), ERR_CONFIG);
	assert_null(conf);
}

static void test_certificates_that_are_none_make_no_client(void **state)
{
	const struct stream_settings settings = {
		.brokers = "127.0.0.1:1", .security = {"ssl", "/dev/null"}, .client_id = "test"};
	rd_kafka_conf_t *conf = NULL;
	rd_kafka_t *client = NULL;

	assert_int_equal(stream_client_conf(&settings, NULL, 0, &conf), ERR_OK);
	assert_int_equal(stream_client_new(RD_KAFKA_PRODUCER, conf, &client), ERR_CONFIG);
	assert_null(client);
}

/* The first byte that a client of this protocol sends. */
static uint8_t first_byte(const char *protocol)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct pollfd line = {.fd = fd, .events = POLLIN};
	char brokers[TEXT_ROOM];
	const struct stream_settings settings = {
		.brokers = brokers, .security = {.protocol = protocol}, .client_id = "test"};
	rd_kafka_conf_t *conf = NULL;
	rd_kafka_t *client = NULL;
	uint8_t byte = 0xff;

	assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	snprintf(brokers, sizeof(brokers), "127.0.0.1:%d", ntohs(at.sin_port));
	assert_int_equal(stream_client_conf(&settings, NULL, 0, &conf), ERR_OK);
	assert_int_equal(stream_client_new(RD_KAFKA_PRODUCER, conf, &client), ERR_OK);
	assert_int_equal(poll(&line, 1, WAIT_MS), 1);
	line.fd = accept(fd, NULL, NULL);
	assert_int_equal(poll(&line, 1, WAIT_MS), 1);
	assert_int_equal(read(line.fd, &byte, 1), 1);
	(void)close(line.fd);
	(void)close(fd);
	rd_kafka_destroy(client);
	return byte;
}

static void test_the_wire_is_plain_or_tls_as_asked(void **state)
{
	enum { TLS_HANDSHAKE = 0x16, KAFKA_LENGTH = 0x00 };

	assert_int_equal(first_byte("plaintext"), KAFKA_LENGTH);
	assert_int_equal(first_byte("ssl"), TLS_HANDSHAKE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_security_brokers_are_spoken_to_plainly),
		cmocka_unit_test(test_credentials_reach_the_client_and_hosts_must_match),
		cmocka_unit_test(test_a_password_that_cannot_be_read_makes_no_client),
		cmocka_unit_test(test_certificates_that_are_none_make_no_client),
		cmocka_unit_test(test_the_wire_is_plain_or_tls_as_asked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
