/* Which addresses an entry of a tenant's list covers. */
#include "domain/origin.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

static bool covers(const char *entry, const char *address)
{
	struct url url;

	assert_null(url_parse(address, strlen(address), &url));
	return origin_entry_covers(entry, strlen(entry), &url);
}

/* promises: C3 */
static void an_entry_covers_its_scheme_host_and_port(void **state)
{
	assert_true(covers("https://hooks.example", "https://hooks.example/a?b"));
	assert_true(covers("https://hooks.example:443", "https://HOOKS.example/"));
	assert_false(covers("https://hooks.example", "http://hooks.example/"));
	assert_false(covers("https://hooks.example", "https://hooks.example:444/"));
	assert_false(covers("https://hooks.example", "https://hooks.example.evil.example/"));
	assert_false(covers("https://hooks.example", "https://ooks.example/"));
}

/* promises: C3 */
static void a_star_covers_every_port_of_one_host(void **state)
{
	assert_true(covers("http://127.0.0.1:*", "http://127.0.0.1:9000/ok"));
	assert_true(covers("http://127.0.0.1:*", "http://127.0.0.1/ok"));
	assert_true(covers("http://[::1]:*", "http://[::1]:81/ok"));
	assert_false(covers("http://127.0.0.1:*", "https://127.0.0.1:9000/ok"));
	assert_false(covers("http://127.0.0.1:*", "http://127.0.0.2:9000/ok"));
}

/* promises: C3 */
static void an_entry_is_an_origin_and_nothing_more(void **state)
{
	const char *bad[] = {"", ":*", "*", "http://*", "http://a.example/", "http://a.example/p",
		"ftp://a.example", "http://u:p@a.example", "http://a.example:*:*"};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_non_null(origin_entry_check(bad[i], strlen(bad[i])));
	assert_null(origin_entry_check("http://a.example:*", 18));
	assert_false(covers("http://a.example/", "http://a.example/"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_covers_its_scheme_host_and_port),
		cmocka_unit_test(a_star_covers_every_port_of_one_host),
		cmocka_unit_test(an_entry_is_an_origin_and_nothing_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
