/* An upstream in one row: the worst is named, the rest counted. */
#include "upstream_health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static json_t *summed(const char *text)
{
	json_t *upstream = json_loads(text, 0, NULL);

	assert_non_null(upstream);
	upstream_health_put(upstream);
	return upstream;
}

static const char *told(const json_t *upstream, const char *member)
{
	return json_string_value(json_object_get(json_object_get(upstream, "health"), member));
}

/* promises: X2 */
static void test_the_worst_breaker_is_named(void **state)
{
	json_t *u = summed("{\"shared\":true,\"breakers\":["
			   "{\"model\":\"a\",\"state\":\"ramping\",\"mode\":\"auto\"},"
			   "{\"model\":\"b\",\"state\":\"open\",\"mode\":\"auto\"},"
			   "{\"model\":\"c\",\"state\":\"closed\",\"mode\":\"block\"}]}");

	assert_string_equal(told(u, "breaker"), "open: b and 1 more");
	assert_string_equal(told(u, "by_hand"), "block c");
	json_decref(u);
}

/* promises: X2 */
static void test_keys_that_are_set_aside_are_named(void **state)
{
	json_t *u = summed("{\"shared\":true,\"key_labels\":[\"k1\",\"k2\",\"k3\"],\"keys\":["
			   "{\"label\":\"k1\",\"state\":\"closed\",\"mode\":\"auto\"},"
			   "{\"label\":\"k2\",\"state\":\"open\",\"mode\":\"block\"}]}");

	assert_string_equal(told(u, "keys"), "3, set aside: k2");
	assert_string_equal(told(u, "by_hand"), "block key k2");
	assert_string_equal(told(u, "breaker"), "closed");
	json_decref(u);
}

/* promises: X2 */
static void test_the_tightest_limit_is_shown_and_calls_are_summed(void **state)
{
	json_t *u = summed(
		"{\"shared\":true,\"pacing\":["
		"{\"retries_left\":9,\"in_flight\":3,\"waiting\":1,\"requests\":{\"level\":50,\"capacity\":100},"
		"\"tokens\":null},{\"in_flight\":4,\"waiting\":0,\"requests\":null,"
		"\"tokens\":{\"level\":-5,\"capacity\":100}}]}");
	const json_t *health = json_object_get(u, "health");

	assert_string_equal(told(u, "pacing"), "0 % left");
	assert_int_equal(json_integer_value(json_object_get(health, "calls")), 7);
	assert_int_equal(json_integer_value(json_object_get(health, "waiting")), 1);
	assert_int_equal(json_integer_value(json_object_get(health, "retries_left")), 9);
	json_decref(u);
}

/* promises: X2 */
static void test_what_no_worker_tells_is_not_known(void **state)
{
	json_t *u = summed("{\"shared\":true,\"pacing\":[{\"workers\":0,\"in_flight\":0,"
			   "\"waiting\":0,\"retries_left\":null}]}");

	assert_true(json_is_null(json_object_get(json_object_get(u, "health"), "retries_left")));
	json_decref(u);
}

static void test_without_redis_nothing_is_claimed(void **state)
{
	json_t *u = summed("{\"shared\":false,\"breakers\":[],\"keys\":[],\"pacing\":[]}");

	assert_string_equal(told(u, "breaker"), "not shared");
	assert_null(told(u, "by_hand"));
	assert_null(told(u, "pacing"));
	json_decref(u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_worst_breaker_is_named),
		cmocka_unit_test(test_keys_that_are_set_aside_are_named),
		cmocka_unit_test(test_the_tightest_limit_is_shown_and_calls_are_summed),
		cmocka_unit_test(test_what_no_worker_tells_is_not_known),
		cmocka_unit_test(test_without_redis_nothing_is_claimed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
