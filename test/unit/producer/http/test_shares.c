/* What is held is bounded for all and for each tenant, and nobody is refused for ever. */
#include "http/shares.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct share_bounds BOUNDS = {{[SHARE_ALL] = 1200, [SHARE_TENANT] = 600}};
static const struct id ONE = {{[15] = 1}}, OTHER = {{[15] = 2}}, THIRD = {{[14] = 1}}, NOBODY;

static bool claims(struct shares *s, struct id tenant, size_t held, size_t n)
{
	return shares_claim(s, tenant, held, n, &BOUNDS);
}

/* promises: C12 */
static void one_tenants_hoard_takes_no_others_room(void **state)
{
	struct shares *s = calloc(1, sizeof *s);

	assert_non_null(s);
	assert_true(claims(s, ONE, 0, 400));
	assert_true(claims(s, ONE, 0, 200));
	assert_false(claims(s, ONE, 0, 1));
	assert_int_equal(s->refused[SHARE_TENANT], 1);
	assert_int_equal(shares_held(s, ONE, SHARE_ALL), 600);
	assert_true(claims(s, OTHER, 0, 300));
	assert_true(claims(s, NOBODY, 0, 300));
	assert_false(claims(s, THIRD, 0, 1));
	assert_int_equal(s->refused[SHARE_ALL], 1);
	assert_int_equal(shares_held(s, THIRD, SHARE_TENANT), 0);
	shares_set(s, ONE, 400, 0);
	assert_true(claims(s, THIRD, 0, 400));
	assert_true(claims(s, ONE, 200, 200));
	free(s);
}

/* promises: C12 */
static void one_that_little_stands_beside_is_let_through(void **state)
{
	struct shares *s = calloc(1, sizeof *s);

	assert_non_null(s);
	assert_true(claims(s, ONE, 0, 50));
	assert_true(claims(s, ONE, 0, 5000));
	assert_true(claims(s, ONE, 5000, 6000)); /* its own is not beside it */
	assert_false(claims(s, OTHER, 0, 50));
	shares_set(s, ONE, 6000, 0);
	assert_true(claims(s, OTHER, 0, 50));
	assert_int_equal(shares_held(s, ONE, SHARE_ALL), 100);
	free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_tenants_hoard_takes_no_others_room),
		cmocka_unit_test(one_that_little_stands_beside_is_let_through),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
