#include "domain/egress.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { V4_BITS = 96 };

/* Denied, IPv4: IANA's special-purpose registry, multicast and the rest of class E. */
static const struct {
	uint8_t bytes[4];
	unsigned bits;
} EGRESS_V4_DENIED[] = {
	{{0, 0, 0, 0}, 8},
	{{10, 0, 0, 0}, 8},
	{{100, 64, 0, 0}, 10},
	{{127, 0, 0, 0}, 8},
	{{169, 254, 0, 0}, 16},
	{{172, 16, 0, 0}, 12},
	{{192, 0, 0, 0}, 24},
	{{192, 0, 2, 0}, 24},
	{{192, 31, 196, 0}, 24},
	{{192, 52, 193, 0}, 24},
	{{192, 88, 99, 0}, 24},
	{{192, 168, 0, 0}, 16},
	{{192, 175, 48, 0}, 24},
	{{198, 18, 0, 0}, 15},
	{{198, 51, 100, 0}, 24},
	{{203, 0, 113, 0}, 24},
	{{224, 0, 0, 0}, 4},
	{{240, 0, 0, 0}, 4},
};

static const struct egress_net EGRESS_V6_PUBLIC = {{0x20}, 3};

/* Denied inside 2000::/3: protocol assignments, documentation, 6to4, AS112. */
static const struct egress_net EGRESS_V6_DENIED[] = {
	{{0x20, 0x01}, 23},
	{{0x20, 0x01, 0x0d, 0xb8}, 32},
	{{0x20, 0x02}, 16},
	{{0x3f, 0xff}, 20},
	{{0x26, 0x20, 0x00, 0x4f, 0x80}, 48},
};

static const uint8_t EGRESS_MAPPED[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

static bool egress_same_bits(const uint8_t *a, const uint8_t *b, unsigned bits)
{
	unsigned whole = bits / 8;
	uint8_t mask = (uint8_t)(0xff00U >> bits % 8);

	if (memcmp(a, b, whole) != 0)
		return false;
	return mask == 0 || (a[whole] & mask) == (b[whole] & mask);
}

void egress_net_format(const struct egress_net *net, char text[EGRESS_NET_TEXT_MAX])
{
	const bool is_v4 = net->bits >= V4_BITS &&
			   memcmp(net->bytes, EGRESS_MAPPED, sizeof(EGRESS_MAPPED)) == 0;
	const uint8_t *bytes = is_v4 ? net->bytes + sizeof(EGRESS_MAPPED) : net->bytes;
	char address[INET6_ADDRSTRLEN] = "";

	(void)inet_ntop(is_v4 ? AF_INET : AF_INET6, bytes, address, sizeof(address));
	if (net->bits == 128)
		(void)snprintf(text, EGRESS_NET_TEXT_MAX, "%s", address);
	else
		(void)snprintf(text, EGRESS_NET_TEXT_MAX, "%s/%u", address,
			is_v4 ? net->bits - V4_BITS : net->bits);
}

bool egress_net_holds(const struct egress_net *net, const uint8_t bytes[16])
{
	return egress_same_bits(bytes, net->bytes, net->bits);
}

static bool egress_v4_public(const uint8_t bytes[4])
{
	for (size_t i = 0; i < sizeof(EGRESS_V4_DENIED) / sizeof(*EGRESS_V4_DENIED); i++) {
		if (egress_same_bits(bytes, EGRESS_V4_DENIED[i].bytes, EGRESS_V4_DENIED[i].bits))
			return false;
	}
	return true;
}

static bool egress_v6_public(const uint8_t bytes[16])
{
	for (size_t i = 0; i < sizeof(EGRESS_V6_DENIED) / sizeof(*EGRESS_V6_DENIED); i++) {
		if (egress_net_holds(&EGRESS_V6_DENIED[i], bytes))
			return false;
	}
	return egress_net_holds(&EGRESS_V6_PUBLIC, bytes);
}

bool egress_bytes_allowed(const uint8_t bytes[16], const struct egress_net *allow, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (egress_net_holds(&allow[i], bytes))
			return true;
	}
	if (memcmp(bytes, EGRESS_MAPPED, sizeof(EGRESS_MAPPED)) == 0)
		return egress_v4_public(bytes + sizeof(EGRESS_MAPPED));
	return egress_v6_public(bytes);
}

static void egress_map(const void *v4, uint8_t bytes[16])
{
	memcpy(bytes, EGRESS_MAPPED, sizeof(EGRESS_MAPPED));
	memcpy(bytes + sizeof(EGRESS_MAPPED), v4, 4);
}

bool egress_bytes(const struct sockaddr *address, uint8_t bytes[16])
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	if (address->sa_family == AF_INET) {
		memcpy(&v4, address, sizeof(v4));
		egress_map(&v4.sin_addr, bytes);
	} else if (address->sa_family == AF_INET6) {
		memcpy(&v6, address, sizeof(v6));
		memcpy(bytes, &v6.sin6_addr, 16);
	} else {
		return false;
	}
	return true;
}

bool egress_allowed(const struct sockaddr *address, const struct egress_net *allow, size_t n)
{
	uint8_t bytes[16];

	return egress_bytes(address, bytes) && egress_bytes_allowed(bytes, allow, n);
}

/* The number behind the slash; most when there is no slash. */
static bool egress_length(const char *slash, unsigned most, unsigned *ret)
{
	unsigned bits = 0;

	if (slash == NULL) {
		*ret = most;
		return true;
	}
	if (slash[1] == '\0' || strlen(slash + 1) > 3)
		return false;
	for (const char *at = slash + 1; *at != '\0'; at++) {
		if (*at < '0' || *at > '9')
			return false;
		bits = bits * 10 + (unsigned)(*at - '0');
	}
	*ret = bits;
	return bits <= most;
}

static bool egress_tail_clear(const struct egress_net *net)
{
	for (unsigned bit = net->bits; bit < 128; bit++) {
		if ((net->bytes[bit / 8] & (0x80U >> bit % 8)) != 0)
			return false;
	}
	return true;
}

bool egress_net_parse(const char *text, struct egress_net *ret)
{
	const char *slash = strchr(text, '/');
	size_t len = slash != NULL ? (size_t)(slash - text) : strlen(text);
	struct egress_net net = {{0}, 0};
	char address[INET6_ADDRSTRLEN];
	uint8_t v4[4];

	if (len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(AF_INET, address, v4) == 1) {
		if (!egress_length(slash, 32, &net.bits))
			return false;
		egress_map(v4, net.bytes);
		net.bits += V4_BITS;
	} else if (inet_pton(AF_INET6, address, net.bytes) != 1 ||
		   !egress_length(slash, 128, &net.bits)) {
		return false;
	}
	if (!egress_tail_clear(&net))
		return false;
	*ret = net;
	return true;
}
