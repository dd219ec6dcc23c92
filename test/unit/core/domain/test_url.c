/* Addresses that two parsers could read in two ways are refused. */
#include "domain/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *fault_of(const char *text)
{
	struct url url;

	return url_parse(text, strlen(text), &url);
}

static void expect_origin(const char *text, const char *origin, const char *redacted)
{
	struct url url;
	struct buf out;

	assert_null(url_parse(text, strlen(text), &url));
	buf_init(&out, 3000);
	assert_int_equal(url_origin(&url, &out), ERR_OK);
	assert_string_equal(out.bytes, origin);
	buf_reset(&out);
	assert_int_equal(url_redacted(&url, &out), ERR_OK);
	assert_string_equal(out.bytes, redacted);
	buf_clear(&out);
}

/* promises: C3 */
static void test_an_origin_has_one_spelling(void **state)
{
	expect_origin("HTTPS://Example.COM:443/Hook?key=1", "https://example.com",
		"https://example.com/Hook?...");
	expect_origin("http://example.com:80", "http://example.com", "http://example.com");
	expect_origin("http://127.0.0.1:9000/", "http://127.0.0.1:9000", "http://127.0.0.1:9000/");
	expect_origin("https://[2001:DB8:0:0::1]:8443/x", "https://[2001:db8::1]:8443",
		"https://[2001:db8::1]:8443/x");
	expect_origin("https://h?secret", "https://h", "https://h?...");
	expect_origin("https://xn--bcher-kva.example/%20", "https://xn--bcher-kva.example",
		"https://xn--bcher-kva.example/%20");
}

/* promises: C3 */
static void test_doubtful_addresses_are_refused(void **state)
{
	static const char *const cases[] = {"", "example.com", "//example.com", "ftp://example.com",
		"https:/example.com", "https://", "https:///path", "https://user@example.com",
		"https://user:pw@example.com", "https://example.com#frag", "https://exa mple.com",
		"https://example.com\\@evil.com", "https://example.com:0",
		"https://example.com:65536", "https://example.com:", "https://example.com:8o",
		"https://127.1", "https://0x7f.0.0.1", "https://2130706433", "https://017700000001",
		"https://127.0.0.1.5", "https://0x7f000001", "https://1.2.3.04x", "https://[::1",
		"https://[::1]x", "https://[127.0.0.1]", "https://[fe80::1%25eth0]", "https://a..b",
		"https://.a", "https://ex\xc3\xa4mple.com", "https://example.com/\x01",
		"https://example.com/\n", "https://exam%70le.com", "https://*.example.com",
		"https://256.1.1.1"};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_non_null(fault_of(cases[i]));
	assert_non_null(url_parse("https://a\0b", 11, &(struct url){0}));
}

static void test_long_addresses_are_refused(void **state)
{
	char text[URL_MAX + 2] = "https://example.com/";
	struct url url;

	memset(text + 20, 'a', sizeof(text) - 20);
	assert_null(url_parse(text, URL_MAX, &url));
	assert_non_null(url_parse(text, URL_MAX + 1, &url));
}

static void test_an_address_to_listen_on(void **state)
{
	struct url_listen l;

	assert_true(url_listen_parse("127.0.0.1:8080", &l));
	assert_string_equal(l.host, "127.0.0.1");
	assert_int_equal(l.port, 8080);
	assert_true(url_listen_parse("[::1]:1", &l));
	assert_string_equal(l.host, "::1");
	assert_true(url_listen_parse("*:80", &l));
	assert_string_equal(l.host, "");
	assert_true(url_listen_parse(":80", &l));
	assert_string_equal(l.host, "");
	assert_true(url_listen_parse("localhost:80", &l));
	assert_false(url_listen_parse("8080", &l));
	assert_false(url_listen_parse("h:0", &l));
	assert_false(url_listen_parse("h:x", &l));
	assert_false(url_listen_parse("::1:80", &l));
	assert_false(url_listen_parse("[::1:80", &l));
	assert_false(url_listen_parse("127.1:80", &l));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_origin_has_one_spelling),
		cmocka_unit_test(test_doubtful_addresses_are_refused),
		cmocka_unit_test(test_long_addresses_are_refused),
		cmocka_unit_test(test_an_address_to_listen_on),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
