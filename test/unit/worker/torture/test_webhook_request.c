/* Memory that is lacking is nobody's wrong address: the delivery comes again. */
#include "delivery/webhook_request.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit/torture.h"

/* As stored before there were keys. */
#define CLEAR(text) ((struct db_bytes){"\0" text, sizeof("\0" text) - 1})

static struct delivery delivery(void)
{
	return (struct delivery){.event = "job.completed",
		.queue = "default",
		.state = JOB_COMPLETED,
		.attempt = 1,
		.callback = CLEAR("{\"url\":\"https://a.example/hook\"}"),
		.metadata = CLEAR("{\"order\":\"7\"}"),
		.webhook_secret = CLEAR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
		.callback_origins = CLEAR("[\"https://a.example\"]")};
}

static enum err written(void)
{
	const struct webhook_scene scene = {.now_ms = 1767225600000};
	const struct delivery d = delivery();
	struct webhook_request request = {.list = {NULL}};
	enum err e = webhook_request_write(&d, &scene, &request);

	if (!e) {
		assert_string_equal(request.url.bytes, "https://a.example/hook");
		assert_non_null(strstr(request.body.bytes, "\"order\":\"7\""));
		webhook_request_clear(&request);
	}
	return e;
}

static void test_a_request_is_whole_or_there_was_no_memory(void **state)
{
	torture(written);
}

static void test_an_address_that_is_not_listed_is_refused_for_that(void **state)
{
	const struct webhook_scene scene = {.now_ms = 1767225600000};
	struct delivery d = delivery();
	struct webhook_request request = {.list = {NULL}};

	d.callback_origins = CLEAR("[\"https://b.example\"]");
	assert_int_equal(webhook_request_write(&d, &scene, &request), ERR_RECEIVER_URL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_request_is_whole_or_there_was_no_memory),
		cmocka_unit_test(test_an_address_that_is_not_listed_is_refused_for_that),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
