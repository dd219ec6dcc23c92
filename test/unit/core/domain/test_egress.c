/* Every denied range at its first, last and neighbouring addresses, in several spellings. */
#include "domain/egress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

static bool allowed4(uint32_t address)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(address)};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	bool plain = egress_allowed((struct sockaddr *)&v4, NULL, 0);

	/* The same address inside ::ffff:0:0/96 gets the same answer. */
	v6.sin6_addr.s6_addr[10] = 0xff;
	v6.sin6_addr.s6_addr[11] = 0xff;
	memcpy(v6.sin6_addr.s6_addr + 12, &v4.sin_addr, 4);
	assert_int_equal(egress_allowed((struct sockaddr *)&v6, NULL, 0), plain);
	return plain;
}

static bool allowed6(const char *text)
{
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

	assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
	return egress_allowed((struct sockaddr *)&v6, NULL, 0);
}

/* before and after: may the neighbours be called? */
static const struct {
	const char *first, *last;
	bool before, after;
} RANGES4[] = {
	{"0.0.0.0", "0.255.255.255", false, true},
	{"10.0.0.0", "10.255.255.255", true, true},
	{"100.64.0.0", "100.127.255.255", true, true},
	{"127.0.0.0", "127.255.255.255", true, true},
	{"169.254.0.0", "169.254.255.255", true, true},
	{"172.16.0.0", "172.31.255.255", true, true},
	{"192.0.0.0", "192.0.0.255", true, true},
	{"192.0.2.0", "192.0.2.255", true, true},
	{"192.31.196.0", "192.31.196.255", true, true},
	{"192.52.193.0", "192.52.193.255", true, true},
	{"192.88.99.0", "192.88.99.255", true, true},
	{"192.168.0.0", "192.168.255.255", true, true},
	{"192.175.48.0", "192.175.48.255", true, true},
	{"198.18.0.0", "198.19.255.255", true, true},
	{"198.51.100.0", "198.51.100.255", true, true},
	{"203.0.113.0", "203.0.113.255", true, true},
	{"224.0.0.0", "239.255.255.255", true, false},
	{"240.0.0.0", "255.255.255.255", false, false},
};

static uint32_t number(const char *text)
{
	struct in_addr in;

	assert_int_equal(inet_pton(AF_INET, text, &in), 1);
	return ntohl(in.s_addr);
}

/* promises: C3 */
static void test_ipv4_ranges_are_denied_from_first_to_last(void **state)
{
	for (size_t i = 0; i < sizeof(RANGES4) / sizeof(*RANGES4); i++) {
		uint32_t first = number(RANGES4[i].first);
		uint32_t last = number(RANGES4[i].last);

		assert_false(allowed4(first));
		assert_false(allowed4(first + (last - first) / 2));
		assert_false(allowed4(last));
		if (first > 0)
			assert_int_equal(allowed4(first - 1), RANGES4[i].before);
		if (last < UINT32_MAX)
			assert_int_equal(allowed4(last + 1), RANGES4[i].after);
	}
	assert_true(allowed4(number("8.8.8.8")));
}

/* promises: C3 */
static void test_ipv6_allows_the_public_part_without_its_holes(void **state)
{
	static const char *const denied[] = {"::", "::1", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"4000::", "2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
		"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
		"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff",
		"2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", "fc00::1", "fd00::1",
		"fe80::1", "ff02::1", "64:ff9b::7f00:1", "::7f00:1", "100::1", "::ffff:0:7f00:1"};
	static const char *const public[] = {"2000::", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"2001:200::", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff",
		"2001:db9::", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"2003::", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"3fff:1000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
		"2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", "2620:4f:8001::", "2606:4700:4700::1111"};

	for (size_t i = 0; i < sizeof(denied) / sizeof(*denied); i++)
		assert_false(allowed6(denied[i]));
	for (size_t i = 0; i < sizeof(public) / sizeof(*public); i++)
		assert_true(allowed6(public[i]));
}

/* promises: C3 */
static void test_an_operator_may_allow_networks(void **state)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000001)};
	struct egress_net nets[2];

	assert_true(egress_net_parse("fd00::/8", &nets[0]));
	assert_true(egress_net_parse("127.0.0.1", &nets[1]));
	assert_false(egress_allowed((struct sockaddr *)&v4, nets, 1));
	assert_true(egress_allowed((struct sockaddr *)&v4, nets, 2));
	v4.sin_addr.s_addr = htonl(0x7f000002);
	assert_false(egress_allowed((struct sockaddr *)&v4, nets, 2));
	assert_true(egress_net_parse("127.0.0.0/8", &nets[1]));
	assert_true(egress_allowed((struct sockaddr *)&v4, nets, 2));
}

static void test_networks_are_written_exactly(void **state)
{
	static const char *const wrong[] = {"", "10.0.0.0/33", "10.0.0.1/8", "10.0.0.0/", "10/8",
		"10.0.0.0/-1", "10.0.0.0/8x", "fd00::/129", "fd00::1/8", "localhost",
		"10.0.0.0/08000"};
	struct egress_net net;

	for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
		assert_false(egress_net_parse(wrong[i], &net));
	assert_true(egress_net_parse("0.0.0.0/0", &net));
	assert_int_equal(net.bits, 96);
	assert_true(egress_net_parse("::/0", &net));
	assert_int_equal(net.bits, 0);
	assert_true(egress_net_parse("::1/128", &net));
}

/* promises: C3 */
static void test_other_families_are_not_called(void **state)
{
	struct sockaddr unix_socket = {.sa_family = AF_UNIX};

	assert_false(egress_allowed(&unix_socket, NULL, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ipv4_ranges_are_denied_from_first_to_last),
		cmocka_unit_test(test_ipv6_allows_the_public_part_without_its_holes),
		cmocka_unit_test(test_an_operator_may_allow_networks),
		cmocka_unit_test(test_networks_are_written_exactly),
		cmocka_unit_test(test_other_families_are_not_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
