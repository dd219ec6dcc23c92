/* A dialect says how a key is sent. */
#include "domain/upstream_dialect.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* promises: C14 */
static void test_every_dialect_is_found_by_its_name(void **state)
{
	const struct upstream_dialect *dialect;
	size_t n = 0;

	for (; (dialect = upstream_dialect_at(n)) != NULL; n++) {
		const size_t len = strlen(dialect->key_header);

		assert_ptr_equal(upstream_dialect_find(dialect->name), dialect);
		assert_int_equal(dialect->key_header[len - 1], ' ');
		assert_true(!dialect->version || strchr(dialect->version, ':') != NULL);
	}
	assert_int_equal(n, 2);
	assert_null(upstream_dialect_find("OpenAI"));
	assert_null(upstream_dialect_find(""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_dialect_is_found_by_its_name),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
