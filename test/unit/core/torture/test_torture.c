/* Every allocation fails once. What is pure must then end in a clean error, hold nothing, and have
 * told nobody otherwise. */
#include "config/config.h"
#include "config/print.h"
#include "domain/sealed.h"
#include "domain/url.h"
#include "domain/verdict.h"
#include "domain/webhook_sign.h"
#include "ground/ed25519.h"
#include "ground/secret.h"
#include "ports/json.h"
#include "ports/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "unit/torture.h"

static enum err grow(void)
{
	struct buf b;
	char *bytes = NULL;
	enum err e;

	buf_init(&b, 100000);
	for (int i = 0; i < 2000; i++)
		buf_printf(&b, "%d,", i);
	buf_json(&b, "a\nb", 3);
	digest_base64_append(&b, DIGEST_BASE64, "12345", 5);
	e = buf_take(&b, &bytes, NULL);
	free(bytes);
	buf_clear(&b);
	return e;
}

static void test_buffers(void **state)
{
	torture(grow);
}

static const char FILE_TEXT[] = "database: {url: dbname=x}\nworker: {queues: [a, b]}\n"
				"webhook: {schedule_s: [1, 2, 3], allow_networks: [10.0.0.0/8]}\n"
				"upstreams:\n- {name: a, base_url: 'http://h', models: [x, y]}\n";

static enum err configure(void)
{
	struct config *config = NULL;
	struct buf faults;
	enum err e;

	buf_init(&faults, 10000);
	e = config_parse("f", FILE_TEXT, sizeof(FILE_TEXT) - 1, &faults, &config);
	assert_int_equal(config != NULL, e == ERR_OK);
	config_release(config);
	buf_clear(&faults);
	return e;
}

static void test_configurations(void **state)
{
	torture(configure);
}

static enum err print_pages(void)
{
	struct buf out;
	enum err e;

	buf_init(&out, 1 << 20);
	config_print_help("worker", &out);
	config_print_sample(&out);
	e = config_print_reference(&out);
	buf_clear(&out);
	return e;
}

static void test_printed_tables(void **state)
{
	torture(print_pages);
}

static const char JSON_TEXT[] = "{\"a\":[1,2,{\"b\":\"c\\u00e9\"}],\"d\":{\"e\":1.5},"
				"\"f\":\"a text that has to grow once\"}";

static enum err read_and_write(void)
{
	struct problems p = {.n = 0};
	json_t *value = NULL;
	struct buf out;
	enum err e;

	buf_init(&out, 1000);
	e = json_read(JSON_TEXT, sizeof(JSON_TEXT) - 1, 9, &p, &value);
	if (e == ERR_OK)
		e = json_write(value, &out);
	json_decref(value);
	buf_clear(&out);
	return e;
}

static void test_json(void **state)
{
	torture(read_and_write);
}

static enum err seal_and_judge(void)
{
	struct released *released = NULL;
	struct verdict *verdict = NULL;
	const struct sealed_where where = {.place = SEALED_RESULT};
	struct sealed_view view = {NULL, 0, NULL};
	struct sealed_box box = {.there = true};
	struct buf sealed;
	enum err e;

	buf_init(&sealed, 10000);
	e = released_new(10000, &released);
	if (e == ERR_OK)
		e = verdict_new(&verdict);
	for (int i = 0; e == ERR_OK && i < 500; i++)
		e = verdict_feed(verdict, "text", 4, released);
	if (e == ERR_OK)
		e = sealed_close(
			&box, where, released_bytes(released), released_len(released), &sealed);
	if (e == ERR_OK)
		e = sealed_open(&box, where, sealed.bytes, sealed.len, &view);
	sealed_view_clear(&view);
	verdict_free(verdict);
	released_free(released);
	buf_clear(&sealed);
	return e;
}

static void test_sealed_values_and_verdicts(void **state)
{
	torture(seal_and_judge);
}

static enum err copy_secret(void)
{
	struct secret secret = {NULL, 0};
	enum err e = secret_copy("key", 3, &secret);

	secret_clear(&secret);
	return e;
}

static enum err sign(void)
{
	uint8_t secret[ED25519_SECRET], public_key[ED25519_PUBLIC], signature[ED25519_SIGNATURE];
	const struct digest_part part = {"text", 4};

	ed25519_new(secret, public_key);
	return ed25519_sign(secret, &part, 1, signature);
}

static enum err sign_webhook(void)
{
	static const char secret[] = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
	const struct webhook_sign message = {
		.id = "msg_1", .timestamp_s = 1, .body = "{}", .body_len = 2};
	struct buf out;
	enum err e;

	buf_init(&out, 1000);
	e = webhook_sign(&message, secret, sizeof(secret) - 1, &out);
	buf_clear(&out);
	return e;
}

static enum err write_origin(void)
{
	static const char text[] = "https://hooks.example:444/a?b";
	struct url url;
	struct buf out;
	enum err e;

	buf_init(&out, 1000);
	assert_null(url_parse(text, sizeof(text) - 1, &url));
	e = url_redacted(&url, &out);
	buf_clear(&out);
	return e;
}

static void test_secrets_signatures_and_addresses(void **state)
{
	torture(copy_secret);
	torture(sign);
	torture(sign_webhook);
	torture(write_origin);
}

static void nothing(void *owner)
{
	(void)owner;
}

static enum err make_loop(void)
{
	struct loop *loop = NULL;
	struct loop_timer *timer = NULL;
	struct loop_wake *wake = NULL;
	struct loop_idle *idle = NULL;
	enum err e = loop_new(&loop);

	if (e == ERR_OK)
		e = loop_timer_new(loop, nothing, NULL, &timer);
	if (e == ERR_OK)
		e = loop_wake_new(loop, nothing, NULL, &wake);
	if (e == ERR_OK)
		e = loop_after_io_new(loop, nothing, NULL, &idle);
	loop_timer_free(timer);
	loop_wake_free(wake);
	loop_after_io_free(idle);
	loop_free(loop);
	return e;
}

static void test_loops(void **state)
{
	torture(make_loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_configurations),
		cmocka_unit_test(test_printed_tables),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_sealed_values_and_verdicts),
		cmocka_unit_test(test_secrets_signatures_and_addresses),
		cmocka_unit_test(test_loops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
