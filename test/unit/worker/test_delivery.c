/* Webhooks without a network: what an attempt's end means, who gets a place, what the request says.
 */
#include "delivery/attempt.h"
#include "delivery/origins.h"
#include "delivery/webhook_request.h"
#include "domain/webhook_sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

static const int64_t waits_s[] = {0, 5, 300};
static const struct delivery_schedule schedule = {waits_s, 3};

static struct delivery_verdict judge(enum err err, int status, int number, int64_t retry_after_ms)
{
	const struct delivery_attempt attempt = {.err = err,
		.status = status,
		.number = number,
		.retry_after_ms = retry_after_ms,
		.chance = (uint32_t)rand()};

	return delivery_judge(&attempt, &schedule);
}

/* promises: C3 */
static void two_hundreds_are_delivered_and_nothing_else_is(void **state)
{
	assert_int_equal(judge(ERR_OK, 200, 1, 0).as, DELIVERY_DONE);
	assert_int_equal(judge(ERR_OK, 204, 3, 0).as, DELIVERY_DONE);
	assert_int_equal(judge(ERR_OK, 302, 1, 0).as, DELIVERY_AGAIN);
	assert_int_equal(judge(ERR_OK, 500, 1, 0).as, DELIVERY_AGAIN);
	assert_int_equal(judge(ERR_UP_CONNECT, 0, 1, 0).as, DELIVERY_AGAIN);
}

/* promises: C3 */
static void gone_and_forbidden_urls_are_given_up_at_once(void **state)
{
	assert_int_equal(judge(ERR_OK, 410, 1, 0).as, DELIVERY_GIVEN_UP);
	assert_int_equal(judge(ERR_OK, 410, 1, 0).error, ERR_RECEIVER_GONE);
	assert_int_equal(judge(ERR_RECEIVER_URL, 0, 1, 0).as, DELIVERY_GIVEN_UP);
	assert_int_equal(judge(ERR_INVALID_FIELD, 0, 1, 0).as, DELIVERY_GIVEN_UP);
}

/* promises: C3 */
static void what_fails_is_named_for_the_receiver(void **state)
{
	static const enum err calls[] = {ERR_FORBIDDEN, ERR_UP_DNS, ERR_UP_CONNECT, ERR_UP_TLS,
		ERR_UP_FIRST_BYTE, ERR_UP_STALLED, ERR_UP_TRUNCATED, ERR_UP_MALFORMED,
		ERR_UP_TOO_LARGE, ERR_ATTEMPT_TIMEOUT, ERR_INVALID_FIELD};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		const char *code = err_code(judge(calls[i], 0, 1, 0).error);

		assert_int_equal(strncmp(code, "receiver_", 9), 0);
	}
	assert_int_equal(judge(ERR_OK, 200, 1, 0).error, ERR_OK);
	/* a silent one: a delivery's only deadline is that of the whole call */
	assert_int_equal(judge(ERR_ATTEMPT_TIMEOUT, 0, 1, 0).error, ERR_RECEIVER_TIMEOUT);
}

/* promises: C3 */
static void waits_follow_the_schedule_with_jitter_then_end(void **state)
{
	for (int i = 0; i < 1000; i++) {
		assert_in_range(judge(ERR_OK, 500, 1, 0).delay_ms, 4000, 6000);
		assert_in_range(judge(ERR_OK, 500, 2, 0).delay_ms, 240000, 360000);
	}
	assert_int_equal(judge(ERR_OK, 500, 3, 0).as, DELIVERY_GIVEN_UP);
}

/* promises: C3 */
static void retry_after_is_a_floor(void **state)
{
	assert_int_equal(judge(ERR_OK, 429, 1, 60000).delay_ms, 60000);
	assert_in_range(judge(ERR_OK, 429, 1, 100).delay_ms, 4000, 6000);
}

/* promises: C3 */
static void one_receiver_never_gets_more_than_its_places(void **state)
{
	struct origins *origins;

	assert_int_equal(origins_new(4, &origins), ERR_OK);
	assert_true(origins_enter(origins, "https://a.example", 2));
	assert_true(origins_enter(origins, "https://a.example", 2));
	assert_false(origins_enter(origins, "https://a.example", 2));
	assert_true(origins_enter(origins, "https://b.example", 2));
	origins_leave(origins, "https://a.example");
	assert_true(origins_enter(origins, "https://a.example", 2));
	origins_leave(origins, "https://never.example");
	origins_free(origins);
}

/* ---- requests ---- */

#define SEALED(text)                    \
	{                               \
		"\0" text, sizeof(text) \
	}

static struct delivery sample(void)
{
	return (struct delivery){
		.event = "job.completed",
		.queue = "default",
		.state = JOB_COMPLETED,
		.attempt = 1,
		.created_ms = 1700000000123,
		.callback = SEALED("{\"url\":\"https://hooks.example/in?x=1\"}"),
		.metadata = SEALED("{\"k\":\"v\"}"),
		.webhook_secret = SEALED("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
		.callback_origins = SEALED("[\"https://hooks.example\"]"),
	};
}

/* Values from before there were keys, and no key. */
static enum err write_with(
	const struct delivery *d, bool allow_http, int64_t now_ms, struct webhook_request *request)
{
	const struct webhook_scene scene = {NULL, allow_http, now_ms};

	return webhook_request_write(d, &scene, request);
}

/* promises: C3 */
static void a_request_is_thin_and_signed(void **state)
{
	struct delivery d = sample();
	struct webhook_request request;
	struct webhook_sign message = {
		.id = "evt_00000000000000000000000000", .timestamp_s = 1700000010};
	const char *secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
	struct buf expected, signature;

	assert_int_equal(write_with(&d, false, 1700000010999, &request), ERR_OK);
	assert_string_equal(request.url.bytes, "https://hooks.example/in?x=1");
	assert_string_equal(request.origin, "https://hooks.example");
	assert_non_null(strstr(request.body.bytes, "\"timestamp\":\"2023-11-14T22:13:20.123Z\""));
	assert_non_null(strstr(request.body.bytes, "\"metadata\":{\"k\":\"v\"}"));
	buf_init(&expected, 500);
	buf_text(&expected, "webhook-signature: ");
	message.body = request.body.bytes;
	message.body_len = request.body.len;
	buf_init(&signature, 200);
	assert_int_equal(webhook_sign(&message, secret, strlen(secret), &signature), ERR_OK);
	buf_text(&expected, signature.bytes);
	buf_clear(&signature);
	assert_string_equal(request.list[4], expected.bytes);
	assert_string_equal(request.list[2], "webhook-id: evt_00000000000000000000000000");
	assert_null(request.list[5]);
	buf_clear(&expected);
	webhook_request_clear(&request);
}

/* promises: C3 */
static void an_address_is_judged_again_when_it_is_used(void **state)
{
	struct webhook_request request;
	struct delivery d = sample();

	d.callback_origins = (struct db_bytes)SEALED("[\"https://other.example\"]");
	assert_int_equal(write_with(&d, true, 0, &request), ERR_RECEIVER_URL);
	d = sample();
	d.callback = (struct db_bytes)SEALED("{\"url\":\"http://hooks.example/\"}");
	d.callback_origins = (struct db_bytes)SEALED("[\"http://hooks.example\"]");
	assert_int_equal(write_with(&d, false, 0, &request), ERR_RECEIVER_URL);
	assert_int_equal(write_with(&d, true, 0, &request), ERR_OK);
	webhook_request_clear(&request);
	d.callback = (struct db_bytes)SEALED("{\"url\":\"https://u:p@hooks.example/\"}");
	assert_int_equal(write_with(&d, true, 0, &request), ERR_RECEIVER_URL);
	d.callback = (struct db_bytes){NULL, 0};
	assert_int_equal(write_with(&d, true, 0, &request), ERR_RECEIVER_URL);
}

/* promises: C3 */
static void a_broken_secret_sends_nothing(void **state)
{
	struct webhook_request request;
	struct delivery d = sample();

	d.webhook_secret = (struct db_bytes)SEALED("whsec_!");
	assert_int_equal(write_with(&d, false, 0, &request), ERR_INTERNAL);
	d.webhook_secret = (struct db_bytes){NULL, 0};
	assert_int_equal(write_with(&d, false, 0, &request), ERR_INTERNAL);
}

/* Its key may come with the next epoch's file: the delivery is tried again. promises: C3 */
static void a_delivery_without_its_key_is_not_given_up(void **state)
{
	static const char sealed[SEALED_OVERHEAD + 9] = {SEALED_XCHACHA};
	struct webhook_request request;
	struct delivery d = sample();

	d.callback = (struct db_bytes){sealed, sizeof sealed};
	d.key.wrapped[0] = 1;
	assert_int_equal(write_with(&d, false, 0, &request), ERR_SEALING);
	d = sample();
	d.webhook_secret = (struct db_bytes){sealed, sizeof sealed};
	d.tenant_key.wrapped[0] = 1;
	assert_int_equal(write_with(&d, false, 0, &request), ERR_SEALING);
}

/* promises: C3 */
static void a_delivery_whose_key_was_destroyed_has_no_address(void **state)
{
	static const char sealed[SEALED_OVERHEAD + 9] = {SEALED_XCHACHA};
	struct webhook_request request;
	struct delivery d = sample();

	d.callback = (struct db_bytes){sealed, sizeof sealed};
	assert_int_equal(write_with(&d, false, 0, &request), ERR_RECEIVER_URL);
}

/* promises: C3 */
static void a_fault_of_ours_uses_up_no_attempt(void **state)
{
	static const enum err ours[] = {ERR_SEALING, ERR_NOMEM};

	for (size_t i = 0; i < sizeof(ours) / sizeof(ours[0]); i++)
		for (int number = 1; number <= 3; number++) {
			struct delivery_verdict verdict = judge(ours[i], 0, number, 0);

			assert_int_equal(verdict.as, DELIVERY_DEFERRED);
			assert_int_equal(verdict.error, ours[i]);
			assert_in_range(verdict.delay_ms, DELIVERY_MEND_MS * 4 / 5,
				DELIVERY_MEND_MS * 6 / 5);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(two_hundreds_are_delivered_and_nothing_else_is),
		cmocka_unit_test(a_delivery_without_its_key_is_not_given_up),
		cmocka_unit_test(a_delivery_whose_key_was_destroyed_has_no_address),
		cmocka_unit_test(a_fault_of_ours_uses_up_no_attempt),
		cmocka_unit_test(gone_and_forbidden_urls_are_given_up_at_once),
		cmocka_unit_test(what_fails_is_named_for_the_receiver),
		cmocka_unit_test(waits_follow_the_schedule_with_jitter_then_end),
		cmocka_unit_test(retry_after_is_a_floor),
		cmocka_unit_test(one_receiver_never_gets_more_than_its_places),
		cmocka_unit_test(a_request_is_thin_and_signed),
		cmocka_unit_test(an_address_is_judged_again_when_it_is_used),
		cmocka_unit_test(a_broken_secret_sends_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
