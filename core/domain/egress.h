/* egress.h - which addresses a tenant may make us call.
 *
 * Everything that is not plainly the public internet is refused: the special
 * registries of IANA for IPv4; for IPv6 all but 2000::/3, and in it what is set
 * aside. ::ffff:a.b.c.d is judged as the IPv4 address it is. An operator may
 * allow networks (development, private receivers); an allowed network wins.
 *
 * The caller asks about the final address, at the moment its socket is made, so
 * that neither spelling nor DNS can go around it.
 *
 * Threads: pure.  Memory: values. */
#ifndef DOMAIN_EGRESS_H
#define DOMAIN_EGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

/* A network; IPv4 in its mapped form, so bits counts from the top of 128. */
struct egress_net {
	uint8_t bytes[16];
	unsigned bits;
};

/* "10.1.0.0/16", "fd00::/8", or a single address. False when it is none, or has bits set behind
 * its length. */
bool egress_net_parse(const char *text, struct egress_net *ret);
/* The same as a text that parses to it. */
enum { EGRESS_NET_TEXT_MAX = 50 };
void egress_net_format(const struct egress_net *net, char text[EGRESS_NET_TEXT_MAX]);
bool egress_net_holds(const struct egress_net *net, const uint8_t bytes[16]);
/* The 16 bytes of an address, IPv4 in its mapped form. False for other families. */
bool egress_bytes(const struct sockaddr *address, uint8_t bytes[16]);
/* May we connect there? allow may be NULL when n is 0. Families other than IPv4 and IPv6: no. */
bool egress_allowed(const struct sockaddr *address, const struct egress_net *allow, size_t n);
/* The same for 16 bytes of IPv6 (or mapped IPv4). */
bool egress_bytes_allowed(const uint8_t bytes[16], const struct egress_net *allow, size_t n);

#endif
