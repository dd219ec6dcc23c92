#include "spoken.h"

#include "duration.h"

static int64_t seconds(const char *text)
{
	int64_t s = -1;

	return duration_parse(text, &s) ? s : -1;
}

static void test_lengths_of_time_are_read(void **state)
{
	assert_int_equal(seconds("0"), 0);
	assert_int_equal(seconds("90"), 90);
	assert_int_equal(seconds("90s"), 90);
	assert_int_equal(seconds("10m"), 600);
	assert_int_equal(seconds("2h"), 7200);
	assert_int_equal(seconds("3d"), 259200);
	assert_int_equal(seconds("10000d"), 864000000);
}

static void test_what_is_no_length_of_time_is_refused(void **state)
{
	static const char *const wrong[] = {
		"", "s", "-1", "+1", "1.5h", "1w", "1 h", "1hh", "10001d", "9999999999", "0x10"};

	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		assert_int_equal(seconds(wrong[i]), -1);
}

static void shows(int64_t ms, const char *expected)
{
	char text[DURATION_TEXT_MAX];

	duration_format(ms, text);
	assert_string_equal(text, expected);
}

static void test_lengths_of_time_are_shown_short(void **state)
{
	shows(-5, "0 ms");
	shows(999, "999 ms");
	shows(1000, "1.0 s");
	shows(59949, "59.9 s");
	shows(60000, "1 min 0 s");
	shows(3599999, "59 min 59 s");
	shows(3600000, "1 h 0 min");
	shows(86400000, "1 d 0 h");
	shows(INT64_C(86400000) * 400, "400 d 0 h");
}

static void test_points_in_time_are_read(void **state)
{
	int64_t ms = 0;

	assert_true(duration_when("+90s", 1000, &ms));
	assert_int_equal(ms, 91000);
	assert_true(duration_when("-2h", 7200000, &ms));
	assert_int_equal(ms, 0);
	assert_true(duration_when("1970-01-01T00:00:01Z", 5, &ms));
	assert_int_equal(ms, 1000);
	assert_false(duration_when("tomorrow", 5, &ms));
	assert_false(duration_when("90s", 5, &ms));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lengths_of_time_are_read),
		cmocka_unit_test(test_what_is_no_length_of_time_is_refused),
		cmocka_unit_test(test_lengths_of_time_are_shown_short),
		cmocka_unit_test(test_points_in_time_are_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
