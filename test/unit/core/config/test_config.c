/* A file is taken whole or refused with every mistake in its place. */
#include "config/check.h"
#include "config/config.h"
#include "config/table.h"
#include "stores/finish.h"
#include "stores/lease.h"
#include "stores/submit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <stdio.h>

#define LEAST "database: {url: dbname=x}\n"

static enum err parse(const char *text, struct buf *faults, struct config **ret)
{
	buf_init(faults, 1 << 16);
	return config_parse("f.yaml", text, strlen(text), faults, ret);
}

/* Every line of faults, in this order. */
static void refuse(const char *text, const char *expected)
{
	struct config *config = NULL;
	struct buf faults;

	assert_int_equal(parse(text, &faults, &config), ERR_CONFIG);
	assert_null(config);
	assert_string_equal(faults.bytes, expected);
	buf_clear(&faults);
}

static struct config *accept(const char *text)
{
	struct config *config = NULL;
	struct buf faults;
	enum err e = parse(text, &faults, &config);

	if (e != ERR_OK)
		print_message("%s", faults.len > 0 ? faults.bytes : "no fault told\n");
	assert_int_equal(e, ERR_OK);
	buf_clear(&faults);
	return config;
}

static void test_what_a_file_leaves_out_has_its_initial_value(void **state)
{
	struct config *c = accept(LEAST);

	assert_string_equal(c->database.url, "dbname=x");
	assert_string_equal(c->database.passfile, "");
	assert_int_equal(c->worker.lease_ms, 6000);
	assert_string_equal(c->producer.listen, "127.0.0.1:8080");
	assert_int_equal(c->worker.queues.n, 1);
	assert_string_equal(c->worker.queues.items[0], "*");
	assert_int_equal(c->webhook.schedule_s.n, 10);
	assert_int_equal(c->webhook.schedule_s.items[1], 5);
	assert_false(c->webhook.allow_http);
	assert_int_equal(c->upstreams_n, 0);
	config_release(c);
}

static void test_values_and_lists_are_taken_over(void **state)
{
	struct config *c = accept("database:\n  url: 'dbname=x'\n"
				  "worker: {slots: 7, queues: [a, \"b\"]}\n"
				  "webhook: {schedule_s: [1, 2], allow_http: true, "
				  "allow_networks: [127.0.0.0/8, 'fd00::/8']}\n"
				  "upstreams:\n"
				  "- {name: one, base_url: 'http://h:1/v1', models: ['sim*'], "
				  "input_usd_per_million: 0.15, stream: false}\n"
				  "- {name: two, base_url: 'https://h/v1', models: [a, b], "
				  "dialect: anthropic}\n");

	assert_int_equal(c->worker.slots, 7);
	assert_string_equal(c->worker.queues.items[1], "b");
	assert_int_equal(c->webhook.schedule_s.n, 2);
	assert_true(c->webhook.allow_http);
	assert_int_equal(c->upstreams_n, 2);
	assert_int_equal(c->upstreams[0].input_usd_per_million, 150000000);
	assert_false(c->upstreams[0].stream);
	assert_true(c->upstreams[1].stream);
	assert_string_equal(c->upstreams[1].dialect, "anthropic");
	assert_int_equal(c->upstreams[1].models.n, 2);
	config_release(c);
}

static void test_nothing_behind_a_key_means_its_initial_value(void **state)
{
	struct config *c = accept(LEAST "worker:\nkafka: ~\nupstreams: null\n"
					"producer: {threads: , listen: ~}\n");

	assert_int_equal(c->producer.threads, 2);
	config_release(c);
}

static void test_every_mistake_is_told_with_its_place(void **state)
{
	refuse("kafk: {}\n"
	       "database:\n"
	       "  urll: x\n"
	       "worker:\n"
	       "  slots: \"7\"\n"
	       "  lease_ms: 10abc\n"
	       "  lease_ms: 7000\n"
	       "  queues: x\n"
	       "upstreams:\n"
	       "- {name: x, base_url: 'ftp://x'}\n"
	       "- 5\n",
		"f.yaml:1:1: unknown key; did you mean kafka?\n"
		"f.yaml:3:3: unknown key; did you mean url?\n"
		"f.yaml:3:3: database.url: is missing: libpq connection string, without user and "
		"password: each program has its own role\n"
		"f.yaml:5:10: worker.slots: expected an integer from 1 to 100000 (jobs)\n"
		"f.yaml:6:13: worker.lease_ms: expected an integer from 1000 to 600000 (ms)\n"
		"f.yaml:7:3: worker.lease_ms: expected once\n"
		"f.yaml:8:11: worker.queues: expected a list of texts with 1 to 1000 elements\n"
		"f.yaml:10:23: upstreams.base_url: expected an http or https URL\n"
		"f.yaml:11:3: upstreams: expected a map of keys for each\n");
}

static void test_ranges_hold_at_their_ends(void **state)
{
	config_release(accept(LEAST "producer: {threads: 1}\n"));
	config_release(accept(LEAST "producer: {threads: 64}\n"));
	refuse(LEAST "producer: {threads: 0}\n",
		"f.yaml:2:21: producer.threads: expected an integer from 1 to 64\n");
	refuse(LEAST "producer: {threads: 65}\n",
		"f.yaml:2:21: producer.threads: expected an integer from 1 to 64\n");
	refuse(LEAST "producer: {threads: 99999999999999999999}\n",
		"f.yaml:2:21: producer.threads: expected an integer from 1 to 64\n");
}

static void test_what_is_not_one_yaml_map_is_refused(void **state)
{
	struct config *config = NULL;
	struct buf faults;

	refuse("a: [1\nb: 2", "f.yaml:2:2: not YAML: while parsing a flow sequence, did not find "
			      "expected ',' or ']'\n");
	refuse("- a\n",
		"f.yaml:1:1: expected a map of sections\n"
		"f.yaml:1:1: database.url: is missing: libpq connection string, without user "
		"and password: each program has its own role\n");
	refuse(LEAST "---\na: b\n", "f.yaml:3:1: expected a single document\n");
	assert_int_equal(parse("", &faults, &config), ERR_CONFIG);
	buf_clear(&faults);
	buf_init(&faults, 1 << 16);
	assert_int_equal(config_parse("f", "a\0b", 3, &faults, &config), ERR_CONFIG);
	buf_clear(&faults);
}

static void test_values_that_do_not_fit_together_are_refused(void **state)
{
	refuse(LEAST "worker: {beat_ms: 2000}\n",
		"f.yaml:2:9: worker.lease_ms: expected at least four times worker.beat_ms\n");
	refuse(LEAST "worker: {beat_ms: 1000, lease_ms: 3999}\n",
		"f.yaml:2:35: worker.lease_ms: expected at least four times worker.beat_ms\n");
	refuse("database: {url: 'dbname=x password=y'}\n",
		"f.yaml:1:17: database.url: expected no user and no password here: each program has its "
		"own role, passwords stand in database.passfile\n");
	refuse(LEAST "upstreams:\n- {name: a, base_url: 'http://h', models: ['*']}\n"
		     "- {name: a, base_url: 'http://h', models: ['*']}\n",
		"f.yaml:4:10: upstreams.name: expected a name that no other upstream has\n");
}

#define ENDS ", which ends every attempt\n"

static void test_what_can_never_succeed_is_refused(void **state)
{
	refuse(LEAST "limits: {deadline_max_s: 60, deadline_default_s: 60,\n"
		     "  attempt_timeout_max_s: 61, attempt_timeout_default_s: 61}\n",
		"f.yaml:3:26: limits.attempt_timeout_max_s: expected at most "
		"limits.deadline_max_s" ENDS);
	refuse(LEAST "limits: {deadline_max_s: 2, deadline_default_s: 2,\n"
		     "  attempt_timeout_max_s: 2, attempt_timeout_default_s: 2}\n"
		     "retry: {base_ms: 2001}\n",
		"f.yaml:4:18: retry.base_ms: expected at most limits.deadline_max_s, beyond which "
		"no attempt begins\n");
	refuse(LEAST "limits: {attempt_timeout_max_s: 5, attempt_timeout_default_s: 5}\n"
		     "upstreams:\n- {name: a, base_url: 'http://h', models: ['*'],\n"
		     "   connect_timeout_ms: 5001, first_byte_timeout_ms: 5001,\n"
		     "   idle_timeout_ms: 5001, tokens_per_minute: 1}\n",
		"f.yaml:5:24: upstreams.connect_timeout_ms: expected at most "
		"limits.attempt_timeout_max_s" ENDS
		"f.yaml:5:53: upstreams.first_byte_timeout_ms: expected at most "
		"limits.attempt_timeout_max_s" ENDS
		"f.yaml:6:21: upstreams.idle_timeout_ms: expected at most "
		"limits.attempt_timeout_max_s" ENDS
		"f.yaml:6:46: upstreams.tokens_per_minute: expected 0, or as many as the least "
		"call takes: 2\n");
	refuse(LEAST "producer: {body_memory_mb: 63}\n",
		"f.yaml:2:28: producer.body_memory_mb: expected room for one body of "
		"limits.body_bytes and limits.bulk_bytes, or it is refused for ever\n");
}

static void test_what_may_just_succeed_is_taken(void **state)
{
	config_release(accept(LEAST
		"limits: {deadline_max_s: 5, deadline_default_s: 5, attempt_timeout_max_s: 5,\n"
		"  attempt_timeout_default_s: 5}\n"
		"retry: {base_ms: 5000}\n"
		"producer: {body_memory_mb: 64}\n"
		"upstreams:\n- {name: a, base_url: 'http://h', models: ['*'],\n"
		"   connect_timeout_ms: 5000, first_byte_timeout_ms: 5000,\n"
		"   idle_timeout_ms: 5000, tokens_per_minute: 2}\n"));
}

static void test_kafkas_credentials_fit_its_protocol(void **state)
{
	config_release(accept(LEAST "kafka: {security_protocol: ssl}\n"));
	config_release(accept(LEAST "kafka: {security_protocol: ssl, ca_file: /x}\n"));
	config_release(accept(LEAST "kafka: {security_protocol: sasl_ssl, sasl_mechanism: PLAIN,\n"
				    "  sasl_username: u, sasl_password_file: /x, ca_file: /x}\n"));
	refuse(LEAST "kafka: {security_protocol: tls}\n",
		"f.yaml:2:28: kafka.security_protocol: expected plaintext, ssl, sasl_plaintext or "
		"sasl_ssl\n");
	refuse(LEAST "kafka: {security_protocol: sasl_ssl, sasl_mechanism: plain}\n",
		"f.yaml:2:54: kafka.sasl_mechanism: expected PLAIN, SCRAM-SHA-256 or "
		"SCRAM-SHA-512\n");
	refuse(LEAST "kafka: {sasl_username: u}\n",
		"f.yaml:2:24: kafka.sasl_username: expected nothing, or a kafka.security_protocol of "
		"sasl_\n");
	refuse(LEAST "kafka: {security_protocol: sasl_plaintext, sasl_mechanism: SCRAM-SHA-256,\n"
		     "  sasl_username: u}\n",
		"f.yaml:2:8: kafka.sasl_password_file: expected a value, as kafka.security_protocol "
		"is sasl_\n");
	refuse(LEAST "kafka: {security_protocol: plaintext, ca_file: /x}\n",
		"f.yaml:2:48: kafka.ca_file: expected nothing, or a kafka.security_protocol with "
		"ssl\n");
}

static void test_kafkas_files_are_checked_for_all_that_read_them(void **state)
{
	struct config *c =
		accept(LEAST "kafka: {security_protocol: sasl_ssl, sasl_mechanism: PLAIN,\n"
			     "  sasl_username: u, sasl_password_file: /nowhere/p, ca_file: "
			     "/nowhere/ca}\n");
	static const char *const programs[] = {"producer", "worker", "scheduler"};

	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++) {
		struct buf faults;

		buf_init(&faults, 1000);
		assert_int_equal(config_check_files("f.yaml", c, programs[i], &faults), ERR_CONFIG);
		assert_string_equal(faults.bytes,
			"f.yaml: kafka.ca_file: the file /nowhere/ca cannot be read: No such file "
			"or directory\n"
			"f.yaml: kafka.sasl_password_file: the secret file /nowhere/p cannot be read: No such file "
			"or directory\n");
		buf_clear(&faults);
	}
	config_release(c);
}

static void test_secrets_inside_addresses_are_refused(void **state)
{
	refuse(LEAST "redis: {limits_url: 'redis://:pw@h:1'}\n",
		"f.yaml:2:21: redis.limits_url: expected redis://host:port without user and "
		"password\n");
	refuse(LEAST "upstreams:\n- {name: a, base_url: 'http://u:p@h', models: ['*']}\n",
		"f.yaml:3:23: upstreams.base_url: expected an http or https URL\n");
}

static void test_a_flood_of_mistakes_is_counted_not_shown(void **state)
{
	struct config *config = NULL;
	struct buf text, faults;

	buf_init(&text, 1 << 20);
	for (int i = 0; i < 1000; i++)
		buf_printf(&text, "unheard_of_%d: 1\n", i);
	assert_int_equal(buf_err(&text), ERR_OK);
	assert_int_equal(parse(text.bytes, &faults, &config), ERR_CONFIG);
	assert_true(faults.len < 8000);
	assert_non_null(strstr(faults.bytes, "f.yaml: and 951 more\n"));
	buf_clear(&text);
	buf_clear(&faults);
}

static void test_a_missing_file_is_one_sentence(void **state)
{
	struct config *config = NULL;
	struct buf faults;

	buf_init(&faults, 1000);
	assert_int_equal(config_load("/nowhere/longhaul.yaml", &faults, &config), ERR_CONFIG);
	assert_string_equal(faults.bytes, "/nowhere/longhaul.yaml: No such file or directory\n");
	buf_clear(&faults);
}

static void test_secret_files_are_checked_for_who_reads_them(void **state)
{
	struct config *c = accept(LEAST "upstreams:\n- {name: a, base_url: 'http://h', "
					"models: ['*'], api_key_file: /nowhere/key}\n");
	struct buf faults;

	buf_init(&faults, 1000);
	assert_int_equal(config_check_files("f.yaml", c, "producer", &faults), ERR_OK);
	assert_int_equal(config_check_files("f.yaml", c, "worker", &faults), ERR_CONFIG);
	assert_string_equal(faults.bytes,
		"f.yaml:3:3: upstreams.a: the secret file "
		"/nowhere/key cannot be read: No such file or directory\n");
	buf_clear(&faults);
	config_release(c);
}

static void test_a_held_config_outlives_a_release(void **state)
{
	struct config *c = accept(LEAST);

	assert_ptr_equal(config_hold(c), c);
	config_release(c);
	assert_int_equal(c->worker.lease_ms, 6000);
	config_release(c);
	config_release(NULL);
}

static void test_the_table_names_each_key_once_and_in_units(void **state)
{
	const struct config_section *section;

	for (size_t s = 0; (section = config_section_at(s)) != NULL; s++) {
		for (size_t i = 0; i < section->n; i++) {
			const struct config_row *row = &section->rows[i];
			const char *tail = strrchr(row->name, '_');

			assert_ptr_equal(config_row_find(section, row->name), row);
			if (strcmp(row->unit, "ms") == 0)
				assert_string_equal(tail, "_ms");
			if (strcmp(row->unit, "s") == 0)
				assert_string_equal(tail, "_s");
			if (strcmp(row->unit, "bytes") == 0)
				assert_string_equal(tail, "_bytes");
		}
	}
	assert_true(config_section_of(config_section_find("database"), "worker"));
	assert_false(config_section_of(config_section_find("database"), "work"));
}

static int64_t maximum(const char *section, const char *name)
{
	return config_row_find(config_section_find(section), name)->max;
}

static void test_no_batch_may_be_larger_than_its_statement_takes(void **state)
{
	assert_int_equal(maximum("worker", "claim_batch"), LEASE_CLAIM_MAX);
	assert_int_equal(maximum("worker", "finish_batch"), FINISH_MAX);
	assert_int_equal(maximum("producer", "batch_max"), SUBMIT_MAX / 2);
}

static void test_a_job_can_be_found_by_all_the_metadata_it_may_have(void **state)
{
	assert_int_equal(maximum("limits", "metadata_keys"), SUBMIT_METADATA_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_a_file_leaves_out_has_its_initial_value),
		cmocka_unit_test(test_values_and_lists_are_taken_over),
		cmocka_unit_test(test_nothing_behind_a_key_means_its_initial_value),
		cmocka_unit_test(test_every_mistake_is_told_with_its_place),
		cmocka_unit_test(test_ranges_hold_at_their_ends),
		cmocka_unit_test(test_what_is_not_one_yaml_map_is_refused),
		cmocka_unit_test(test_values_that_do_not_fit_together_are_refused),
		cmocka_unit_test(test_what_can_never_succeed_is_refused),
		cmocka_unit_test(test_what_may_just_succeed_is_taken),
		cmocka_unit_test(test_kafkas_credentials_fit_its_protocol),
		cmocka_unit_test(test_kafkas_files_are_checked_for_all_that_read_them),
		cmocka_unit_test(test_secrets_inside_addresses_are_refused),
		cmocka_unit_test(test_a_flood_of_mistakes_is_counted_not_shown),
		cmocka_unit_test(test_a_missing_file_is_one_sentence),
		cmocka_unit_test(test_secret_files_are_checked_for_who_reads_them),
		cmocka_unit_test(test_a_held_config_outlives_a_release),
		cmocka_unit_test(test_the_table_names_each_key_once_and_in_units),
		cmocka_unit_test(test_a_job_can_be_found_by_all_the_metadata_it_may_have),
		cmocka_unit_test(test_no_batch_may_be_larger_than_its_statement_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
