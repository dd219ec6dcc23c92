/* Times written into text are found however reads cut it, and their shares are right. */
#include "bench/shared/stamps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char text[] =
	"data: {\"text\":\"~1700000000000100 one ~x ~1700000000000300 two\"}\n\n";

static void test_stamps_are_found_wherever_a_read_ends(void **state)
{
	for (size_t cut = 0; cut <= sizeof(text) - 1; cut++) {
		struct stamps s = {0};
		struct stamp_scan scan = STAMP_SCAN;
		size_t found = stamps_feed(&s, &scan, text, cut, 1700000000001000);

		found += stamps_feed(
			&s, &scan, text + cut, sizeof(text) - 1 - cut, 1700000000001000);
		stamps_sort(&s);
		assert_int_equal(found, 2);
		assert_int_equal(s.n, 2);
		assert_int_equal(stamps_at(&s, 0), 700);
		assert_int_equal(stamps_at(&s, 1), 900);
		stamps_clear(&s);
	}
}

static void test_without_a_list_they_are_counted_only(void **state)
{
	struct stamp_scan scan = STAMP_SCAN;

	assert_int_equal(stamps_feed(NULL, &scan, text, sizeof(text) - 1, 0), 2);
}

static void test_shares_of_many_and_of_none(void **state)
{
	struct stamps s = {0};

	assert_int_equal(stamps_at(&s, 0.99), 0);
	for (int i = 99999; i >= 0; i--)
		stamps_add(&s, i);
	stamps_sort(&s);
	assert_int_equal(stamps_at(&s, 0.5), 50000);
	assert_int_equal(stamps_at(&s, 0.99), 99000);
	assert_int_equal(stamps_at(&s, 1), 99999);
	stamps_clear(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_stamps_are_found_wherever_a_read_ends),
		cmocka_unit_test(test_without_a_list_they_are_counted_only),
		cmocka_unit_test(test_shares_of_many_and_of_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
