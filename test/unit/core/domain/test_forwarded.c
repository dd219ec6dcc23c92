/* Who is the client, for honest proxies and for those who write what they like. */
#include "domain/forwarded.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>

enum { HEADERS_MAX = 4 };

static void address_of(const char *text, uint8_t address[16])
{
	struct egress_net net;

	assert_true(egress_net_parse(text, &net));
	memcpy(address, net.bytes, sizeof net.bytes);
}

/* Trusted: 10.0.0.0/8, fd00::/8. */
static const struct {
	const char *peer, *client;
	const char *headers[HEADERS_MAX];
} rows[] = {
	/* honest */
	{"10.0.0.1", "203.0.113.9", {"203.0.113.9"}},
	{"10.0.0.1", "203.0.113.9", {"203.0.113.9, 10.0.0.7"}},
	{"10.0.0.1", "203.0.113.9", {"203.0.113.9", "10.0.0.7"}},
	{"10.0.0.1", "203.0.113.9", {"203.0.113.9,10.0.0.7 ,\t10.0.0.8"}},
	{"fd00::1", "2001:db8::5", {"2001:db8::5, fd00::2"}},
	{"10.0.0.1", "203.0.113.9", {"203.0.113.9:4711"}},
	{"10.0.0.1", "2001:db8::5", {"[2001:db8::5]:4711"}},
	{"10.0.0.1", "2001:db8::5", {"[2001:db8::5]"}},
	/* nobody's proxy: what it says is nothing */
	{"203.0.113.9", "203.0.113.9", {"10.0.0.1"}},
	{"203.0.113.9", "203.0.113.9", {"1.2.3.4, 10.0.0.7"}},
	{"203.0.113.9", "203.0.113.9", {NULL}},
	/* claimed before the first that is trusted */
	{"10.0.0.1", "203.0.113.9", {"1.2.3.4, 203.0.113.9"}},
	{"10.0.0.1", "203.0.113.9", {"10.0.0.5, 203.0.113.9"}},
	{"10.0.0.1", "203.0.113.9", {"1.2.3.4", "5.6.7.8, 203.0.113.9"}},
	{"10.0.0.1", "203.0.113.9", {"', 10.0.0.1, \x01, 203.0.113.9, 10.9.9.9"}},
	/* empty ones are passed over */
	{"10.0.0.1", "203.0.113.9", {"203.0.113.9, , ,", "", " ", ", 10.0.0.7,"}},
	/* no address where one should be: the proxy that wrote it is the last that is known */
	{"10.0.0.1", "10.0.0.1", {"unknown"}},
	{"10.0.0.1", "10.0.0.1", {"203.0.113.9, _hidden"}},
	{"10.0.0.1", "10.0.0.1", {"203.0.113.9/32"}},
	{"10.0.0.1", "10.0.0.1", {"203.0.113.9 10.0.0.2"}},
	{"10.0.0.1", "10.0.0.1", {"[2001:db8::5"}},
	{"10.0.0.1", "10.0.0.1", {"[2001:db8::5]x"}},
	{"10.0.0.1", "10.0.0.1", {"0x0a.0.0.1"}},
	{"10.0.0.1", "10.0.0.2", {"x, 10.0.0.2"}},
	{"10.0.0.1", "10.0.0.1",
		{"1111111111111111111111111111111111111111111111111111111111111111111111"}},
	{"10.0.0.1", "10.0.0.1", {","}},
	{"10.0.0.1", "10.0.0.1", {NULL}},
	/* all of them are trusted: the outermost */
	{"10.0.0.1", "10.0.0.3", {"10.0.0.3, 10.0.0.2"}},
};

/* promises: S1.6 */
static void test_the_client_is_the_first_that_is_no_proxy(void **state)
{
	struct egress_net trusted[2];
	uint8_t address[16], expected[16];

	assert_true(egress_net_parse("10.0.0.0/8", &trusted[0]));
	assert_true(egress_net_parse("fd00::/8", &trusted[1]));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t n = 0;

		while (n < HEADERS_MAX && rows[i].headers[n])
			n++;
		address_of(rows[i].peer, address);
		address_of(rows[i].client, expected);
		forwarded_client(rows[i].headers, n, trusted, 2, address);
		if (memcmp(address, expected, sizeof address) != 0)
			fail_msg("row %zu: %s", i, rows[i].headers[0] ? rows[i].headers[0] : "");
	}
}

/* promises: S1.6 */
static void test_a_long_way_ends(void **state)
{
	char line[16 * 1024] = "203.0.113.9";
	const char *const headers[] = {line};
	struct egress_net trusted;
	uint8_t address[16];

	for (int i = 0; i < 1000; i++)
		(void)strcat(line, ", 10.0.0.1");
	assert_true(egress_net_parse("10.0.0.0/8", &trusted));
	address_of("10.0.0.2", address);
	forwarded_client(headers, 1, &trusted, 1, address);
	assert_true(egress_net_holds(&trusted, address));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_client_is_the_first_that_is_no_proxy),
		cmocka_unit_test(test_a_long_way_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
