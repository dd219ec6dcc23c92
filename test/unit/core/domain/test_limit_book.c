/* Which limit holds for whom, of all that plans say. */
#include "domain/limit_book.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct limit_row rows[] = {
	{"default", LIMIT_TENANT, "", {100, 100, 60}},
	{"default", LIMIT_TOKENS_ROLE, "guest", {7, 7, 60}},
	{"default", LIMIT_TOKENS_GLOBAL, "", {9, 9, 60}}, {"gold", LIMIT_ROLE, "guest", {3, 3, 60}},
	{"gold", LIMIT_TENANT, "", {0, 1, 60}},
	{"gold", LIMIT_LEVELS, "", {1, 1, 60}}, /* a later version's */
};
static const struct id acme = {{1}}, other = {{2}}, nobody = {{0}};

static int64_t amount(
	const struct limit_book *book, struct id tenant, enum limit_level level, const char *role)
{
	const struct limit_sources s = limit_book_of(book, tenant);
	const struct request_limit *limit = limit_sources_say(&s, level, role);

	return limit ? limit->amount : -1;
}

static void book_make(struct limit_book *book)
{
	*book = (struct limit_book){.plans = {.n = 0}};
	assert_int_equal(limit_plans_make(rows, sizeof rows / sizeof *rows, &book->plans), ERR_OK);
	assert_int_equal(limit_book_give(book, acme, "gold"), ERR_OK);
}

/* promises: S1.2 */
static void test_a_plan_is_asked_before_the_default_one(void **state)
{
	struct limit_book book;

	book_make(&book);
	assert_int_equal(amount(&book, acme, LIMIT_TENANT, ""), 0);
	assert_int_equal(amount(&book, acme, LIMIT_TOKENS_GLOBAL, ""), 9);
	assert_int_equal(amount(&book, acme, LIMIT_USER, ""), -1);
	assert_int_equal(amount(&book, other, LIMIT_TENANT, ""), 100);
	assert_int_equal(amount(&book, nobody, LIMIT_TENANT, ""), 100);
	/* a role's requests are one thing, its tokens another */
	assert_int_equal(amount(&book, acme, LIMIT_ROLE, "guest"), 3);
	assert_int_equal(amount(&book, acme, LIMIT_TOKENS_ROLE, "guest"), 7);
	assert_int_equal(amount(&book, acme, LIMIT_TOKENS_ROLE, "staff"), -1);
	limit_book_clear(&book);
}

/* promises: S1.2 */
static void test_a_tenant_that_lost_its_plan_has_the_default_one(void **state)
{
	struct limit_book book;

	book_make(&book);
	assert_int_equal(limit_book_give(&book, acme, ""), ERR_OK);
	assert_int_equal(amount(&book, acme, LIMIT_TENANT, ""), 100);
	assert_int_equal(limit_book_give(&book, acme, "gold"), ERR_OK);
	limit_book_forget_tenants(&book);
	assert_int_equal(amount(&book, acme, LIMIT_TENANT, ""), 100);
	limit_plans_clear(&book.plans);
	assert_int_equal(amount(&book, acme, LIMIT_TENANT, ""), -1);
	limit_book_clear(&book);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_plan_is_asked_before_the_default_one),
		cmocka_unit_test(test_a_tenant_that_lost_its_plan_has_the_default_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
