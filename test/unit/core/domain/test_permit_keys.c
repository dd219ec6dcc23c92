/* Whose tokens are counted, as workers write it and producers read it. */
#include "domain/permit_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define UUID "01000000-0000-0000-0000-000000000000"
static const struct id tenant = {{1}};

/* promises: S1.2 */
static void test_a_payer_is_read_as_it_was_written(void **state)
{
	const struct permit_payer payers[] = {{LIMIT_TOKENS, tenant, ""},
		{LIMIT_TOKENS_GLOBAL, {{0}}, ""}, {LIMIT_TOKENS_ROLE, tenant, "guest"},
		{LIMIT_TOKENS_USER, tenant, "usr_x"}};
	char name[PERMIT_PAYER_MAX];
	struct permit_payer read;

	for (size_t i = 0; i < sizeof payers / sizeof *payers; i++) {
		permit_payer_name(&payers[i], name);
		assert_true(permit_payer_read(limit_level_text(payers[i].level), name, &read));
		assert_int_equal(read.level, payers[i].level);
		assert_true(id_equal(read.tenant, payers[i].tenant));
		assert_string_equal(read.who, payers[i].who);
	}
}

static void test_what_names_no_payer_is_none(void **state)
{
	static const struct {
		const char *level, *name;
	} wrong[] = {{"tenant", UUID}, {"", UUID}, {"tokens", ""}, {"tokens", UUID "/usr_x"},
		{"tokens", UUID UUID}, {"tokens:user", UUID}, {"tokens:user", UUID "/"},
		{"tokens:user", "x/usr_x"}, {"tokens:role", "/guest"}, {"tokens:global", UUID}};
	struct permit_payer read;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_false(permit_payer_read(wrong[i].level, wrong[i].name, &read));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_payer_is_read_as_it_was_written),
		cmocka_unit_test(test_what_names_no_payer_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
