/* What a producer remembers of buckets. */
#include "limits/levels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void id_of(uint32_t n, uint8_t id[LEVEL_ID])
{
	memset(id, 0, LEVEL_ID);
	id[0] = (uint8_t)(n >> 16);
	id[1] = (uint8_t)(n >> 8);
	id[2] = (uint8_t)n;
	id[15] = 1;
}

/* promises: S1.6 */
static void test_time_empties_a_level(void **state)
{
	struct levels *l;
	uint8_t id[LEVEL_ID];

	assert_int_equal(levels_new(&l), ERR_OK);
	id_of(7, id);
	assert_true(levels_ahead(l, id, 1000) == 0);
	levels_put(l, id, 1000, 500);
	assert_true(levels_ahead(l, id, 1000) == 500);
	assert_true(levels_ahead(l, id, 1400) == 100);
	assert_true(levels_ahead(l, id, 1600) == 0);
	levels_put(l, id, 1600, 20);
	assert_true(levels_own_ahead(l, id, 1600) == 20);
	levels_free(l);
}

/* More buckets than there is room for: strangers are held to what others have used, and what is
 * told to Redis is never another's.   promises: S1.6 */
static void test_a_full_table_is_strict(void **state)
{
	struct levels *l;
	uint8_t id[LEVEL_ID];
	size_t at = 0, told = 0;

	assert_int_equal(levels_new(&l), ERR_OK);
	for (uint32_t i = 0; i < LEVELS_MAX; i++) {
		id_of(i, id);
		levels_put(l, id, 1000, 500);
	}
	id_of(5, id);
	id[15] = 2;
	assert_true(levels_ahead(l, id, 1000) == 500);
	assert_true(levels_own_ahead(l, id, 1000) == 0);
	levels_put(l, id, 1000, 700);
	assert_true(levels_ahead(l, id, 1000) == 700);
	while (levels_next(l, 1000, &at))
		told++;
	assert_int_equal(told, LEVELS_MAX);
	/* once the others are empty it gets a place of its own */
	levels_put(l, id, 2000, 70);
	assert_true(levels_own_ahead(l, id, 2000) == 70);
	levels_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time_empties_a_level),
		cmocka_unit_test(test_a_full_table_is_strict),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
