/* Every range at its first, last and neighbouring addresses, each in eight spellings. */
#include "domain/egress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>

/* One address as a tenant might write it: a host that the resolver reads as numbers. */
typedef void spelling(const uint8_t *bytes, char *text, size_t max);
enum { TEXT_MAX = 80 };

#define SPELL(name, format, ...)                                                  \
	static void name(const uint8_t *b, char *text, size_t max)                \
	{                                                                         \
		assert_true(snprintf(text, max, format, __VA_ARGS__) < (int)max); \
	}
#define NUMBER ((unsigned)b[0] << 24 | (unsigned)b[1] << 16 | (unsigned)b[2] << 8 | (unsigned)b[3])
SPELL(v4_dotted, "%u.%u.%u.%u", b[0], b[1], b[2], b[3])
SPELL(v4_number, "%u", NUMBER)
SPELL(v4_hex_number, "0x%X", NUMBER)
SPELL(v4_octal_dotted, "%#o.%#o.%#o.%#o", b[0], b[1], b[2], b[3])
SPELL(v4_hex_dotted, "0x%x.0x%02x.0x%x.0x%02x", b[0], b[1], b[2], b[3])
SPELL(v4_short, "%u.%u", b[0], NUMBER & 0xffffffU)
SPELL(v4_mapped_dotted, "::ffff:%u.%u.%u.%u", b[0], b[1], b[2], b[3])
SPELL(v4_mapped_hex, "0:0:0:0:0:FFFF:%X:%X", NUMBER >> 16, NUMBER & 0xffffU)
static spelling *const SPELLINGS4[] = {v4_dotted, v4_number, v4_hex_number, v4_octal_dotted,
	v4_hex_dotted, v4_short, v4_mapped_dotted, v4_mapped_hex};

/* An IPv4 address inside IPv6 that a gateway may unpack: none of them is the public internet. */
SPELL(v4_compatible, "::%u.%u.%u.%u", b[0], b[1], b[2], b[3])
SPELL(v4_translated, "::ffff:0:%u.%u.%u.%u", b[0], b[1], b[2], b[3])
SPELL(v4_nat64, "64:ff9b::%u.%u.%u.%u", b[0], b[1], b[2], b[3])
SPELL(v4_local_nat64, "64:ff9b:1::%u.%u.%u.%u", b[0], b[1], b[2], b[3])
SPELL(v4_6to4, "2002:%02x%02x:%02x%02x::1", b[0], b[1], b[2], b[3])
SPELL(v4_teredo, "2001:0:%02x%02x:%02x%02x::1", b[0], b[1], b[2], b[3])
static spelling *const WRAPPINGS4[] = {
	v4_compatible, v4_translated, v4_nat64, v4_local_nat64, v4_6to4, v4_teredo};

#define GROUP(n)   ((unsigned)b[2 * (n)] << 8 | (unsigned)b[2 * (n) + 1])
#define GROUPS(n)  GROUP(n), GROUP((n) + 1), GROUP((n) + 2)
#define ALL_GROUPS GROUPS(0), GROUPS(3), GROUP(6), GROUP(7)
static void v6_shortest(const uint8_t *b, char *text, size_t max)
{
	assert_non_null(inet_ntop(AF_INET6, b, text, (socklen_t)max));
}
static void v6_shortest_upper(const uint8_t *b, char *text, size_t max)
{
	v6_shortest(b, text, max);
	for (; *text != '\0'; text++)
		*text = (char)toupper((unsigned char)*text);
}
SPELL(v6_padded, "%04x:%04x:%04x:%04x:%04x:%04x:%04x:%04x", ALL_GROUPS)
SPELL(v6_padded_upper, "%04X:%04X:%04X:%04X:%04X:%04X:%04X:%04X", ALL_GROUPS)
SPELL(v6_unpadded, "%x:%x:%x:%x:%x:%x:%x:%x", ALL_GROUPS)
SPELL(v6_unpadded_upper, "%X:%X:%X:%X:%X:%X:%X:%X", ALL_GROUPS)
SPELL(v6_dotted_tail, "%x:%x:%x:%x:%x:%x:%u.%u.%u.%u", GROUPS(0), GROUPS(3), b[12], b[13], b[14],
	b[15])
SPELL(v6_zone, "%x:%x:%x:%x:%x:%x:%x:%x%%1", ALL_GROUPS)
static spelling *const SPELLINGS6[] = {v6_shortest, v6_shortest_upper, v6_padded, v6_padded_upper,
	v6_unpadded, v6_unpadded_upper, v6_dotted_tail, v6_zone};

/* What the resolver makes of a numeric host, judged. */
static bool allowed(const char *host)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST, .ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC};
	struct addrinfo *found = NULL;
	bool yes;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		fail_msg("the resolver does not read %s", host);
	yes = egress_allowed(found->ai_addr, NULL, 0);
	freeaddrinfo(found);
	return yes;
}

/* The same answer in every spelling. */
static void expect(const uint8_t *bytes, spelling *const *spellings, size_t n, bool may)
{
	char text[TEXT_MAX];

	for (size_t i = 0; i < n; i++) {
		spellings[i](bytes, text, sizeof(text));
		if (allowed(text) != may)
			fail_msg("%s must be %s", text, may ? "allowed" : "refused");
	}
}
#define EXPECT(bytes, spellings, may) \
	expect(bytes, spellings, sizeof(spellings) / sizeof(*(spellings)), may)

/* Adds step (1 or -1) to a number of n bytes; false when it wraps. */
static bool neighbour(uint8_t *bytes, size_t n, int step)
{
	uint8_t edge = step > 0 ? 0xff : 0;

	while (n > 0) {
		bool carries = bytes[--n] == edge;

		bytes[n] = (uint8_t)(bytes[n] + step);
		if (!carries)
			return true;
	}
	return false;
}

/* inside, before, after: may these be called? */
struct range {
	const char *first, *last;
	bool inside, before, after;
};
static const struct range RANGES4[] = {
	{"0.0.0.0", "0.255.255.255", false, false, true},
	{"10.0.0.0", "10.255.255.255", false, true, true},
	{"100.64.0.0", "100.127.255.255", false, true, true},
	{"127.0.0.0", "127.255.255.255", false, true, true},
	{"169.254.0.0", "169.254.255.255", false, true, true},
	{"172.16.0.0", "172.31.255.255", false, true, true},
	{"192.0.0.0", "192.0.0.255", false, true, true},
	{"192.0.2.0", "192.0.2.255", false, true, true},
	{"192.31.196.0", "192.31.196.255", false, true, true},
	{"192.52.193.0", "192.52.193.255", false, true, true},
	{"192.88.99.0", "192.88.99.255", false, true, true},
	{"192.168.0.0", "192.168.255.255", false, true, true},
	{"192.175.48.0", "192.175.48.255", false, true, true},
	{"198.18.0.0", "198.19.255.255", false, true, true},
	{"198.51.100.0", "198.51.100.255", false, true, true},
	{"203.0.113.0", "203.0.113.255", false, true, true},
	{"224.0.0.0", "239.255.255.255", false, true, false},
	{"240.0.0.0", "255.255.255.255", false, false, false},
};
static const struct range RANGES6[] = {
	{"2000::", "3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true, false, false},
	{"2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff", false, true, true},
	{"2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", false, true, true},
	{"2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff", false, true, true},
	{"2620:4f:8000::", "2620:4f:8000:ffff:ffff:ffff:ffff:ffff", false, true, true},
	{"3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", false, true, true},
};

/* One range at its four ends; family decides how long an address is and how it may be spelt. */
static void expect_range(const struct range *r, int family)
{
	spelling *const *spellings = family == AF_INET ? SPELLINGS4 : SPELLINGS6;
	const size_t n = sizeof(SPELLINGS4) / sizeof(*SPELLINGS4);
	size_t len = family == AF_INET ? 4 : 16;
	uint8_t first[16], last[16];

	_Static_assert(sizeof(SPELLINGS4) == sizeof(SPELLINGS6), "as many spellings of each");
	assert_int_equal(inet_pton(family, r->first, first), 1);
	assert_int_equal(inet_pton(family, r->last, last), 1);
	expect(first, spellings, n, r->inside);
	expect(last, spellings, n, r->inside);
	if (neighbour(first, len, -1))
		expect(first, spellings, n, r->before);
	if (neighbour(last, len, 1))
		expect(last, spellings, n, r->after);
}

/* promises: C3 */
static void test_each_ipv4_range_is_denied_from_first_to_last_however_it_is_spelt(void **state)
{
	static const uint8_t public[] = {8, 8, 8, 8};

	for (size_t i = 0; i < sizeof(RANGES4) / sizeof(*RANGES4); i++)
		expect_range(&RANGES4[i], AF_INET);
	EXPECT(public, SPELLINGS4, true);
}

/* promises: C3 */
static void test_each_ipv6_range_is_judged_from_first_to_last_however_it_is_spelt(void **state)
{
	for (size_t i = 0; i < sizeof(RANGES6) / sizeof(*RANGES6); i++)
		expect_range(&RANGES6[i], AF_INET6);
}

/* promises: C3 */
static void test_ipv4_inside_ipv6_is_denied_even_when_it_is_public(void **state)
{
	static const uint8_t inner[][4] = {{8, 8, 8, 8}, {127, 0, 0, 1}, {10, 0, 0, 1}};

	for (size_t i = 0; i < sizeof(inner) / sizeof(*inner); i++)
		EXPECT(inner[i], WRAPPINGS4, false);
}

/* promises: C3 */
static void test_ipv6_outside_the_public_part_is_denied(void **state)
{
	static const char *const denied[] = {"::", "::1", "100::1", "4000::", "fc00::1", "fd00::1",
		"fe80::1", "fe80::1%1", "fec0::1", "ff02::1", "5f00::1"};

	for (size_t i = 0; i < sizeof(denied) / sizeof(*denied); i++)
		assert_false(allowed(denied[i]));
	assert_true(allowed("2606:4700:4700::1111"));
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

/* promises: S1.1 */
static void test_a_network_is_written_as_it_was_read(void **state)
{
	static const char *const texts[] = {"10.1.0.0/16", "10.1.2.3", "0.0.0.0/0", "::/0", "::1",
		"fd00::/8", "2001:db8:ffff:ffff:ffff:ffff:ffff:fffe/127"};
	char text[EGRESS_NET_TEXT_MAX];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct egress_net net;

		assert_true(egress_net_parse(texts[i], &net));
		egress_net_format(&net, text);
		assert_string_equal(text, texts[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_each_ipv4_range_is_denied_from_first_to_last_however_it_is_spelt),
		cmocka_unit_test(
			test_each_ipv6_range_is_judged_from_first_to_last_however_it_is_spelt),
		cmocka_unit_test(test_ipv4_inside_ipv6_is_denied_even_when_it_is_public),
		cmocka_unit_test(test_ipv6_outside_the_public_part_is_denied),
		cmocka_unit_test(test_an_operator_may_allow_networks),
		cmocka_unit_test(test_networks_are_written_exactly),
		cmocka_unit_test(test_a_network_is_written_as_it_was_read),
		cmocka_unit_test(test_other_families_are_not_called),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
