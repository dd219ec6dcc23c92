/* forwarded.h - who asks, where proxies stand between.
 *
 * X-Forwarded-For is written from left to right: each proxy appends the address that
 * it saw. Whoever speaks first writes what they like, so it is read from the right:
 * a name is believed as far as it was written by a proxy that is trusted, and the
 * first that is no such proxy is the client.
 *
 *   X-Forwarded-For: 1.2.3.4, 203.0.113.9, 10.0.0.7      from 10.0.0.8
 *                    (claimed) (the client) (trusted)         (trusted)
 *
 * Threads: pure.  Memory: nothing is kept. */
#ifndef DOMAIN_FORWARDED_H
#define DOMAIN_FORWARDED_H

#include "domain/egress.h"

enum { FORWARDED_HOPS_MAX = 32 };

/* address: the peer's 16 bytes, IPv4 mapped; becomes the client's. values: those of the headers in
 * the order in which they came. An entry that is no address ends the way: the proxy that wrote it
 * is the last that is known. */
void forwarded_client(const char *const *values, size_t n, const struct egress_net *trusted,
	size_t trusted_n, uint8_t address[16]);

#endif
