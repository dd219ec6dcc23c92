/* What was claimed by an early word is known when its message comes, once. */
#include "early.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct id batch(unsigned char n)
{
	return (struct id){{n}};
}

/* promises: C2 */
static void test_a_batch_is_told_once(void **state)
{
	struct early e = {0};

	assert_false(early_take(&e, batch(1), 1000));
	early_add(&e, batch(1), 1000);
	early_add(&e, batch(2), 1000);
	assert_true(early_take(&e, batch(1), 1500));
	assert_false(early_take(&e, batch(1), 1500));
	assert_true(early_take(&e, batch(2), 1500));
}

/* promises: C2 */
static void test_an_old_one_is_forgotten(void **state)
{
	struct early e = {0};

	early_add(&e, batch(1), 1000);
	assert_false(early_take(&e, batch(1), 1000 + EARLY_KEPT_MS));
}

/* promises: C2 */
static void test_the_oldest_makes_room(void **state)
{
	struct early e = {0};

	for (int n = 0; n <= EARLY_BATCHES; n++)
		early_add(&e, (struct id){{(unsigned char)n, (unsigned char)(n >> 8)}}, 1000);
	assert_false(early_take(&e, batch(0), 1000));
	assert_true(early_take(&e, batch(1), 1000));
	assert_true(early_take(&e, (struct id){{0, 1}}, 1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_batch_is_told_once),
		cmocka_unit_test(test_an_old_one_is_forgotten),
		cmocka_unit_test(test_the_oldest_makes_room),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
