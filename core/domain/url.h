/* url.h - the http and https addresses that callers and operators give us.
 *
 * Narrower than RFC 3986 on purpose: what two parsers could read in two ways is
 * refused. No userinfo, no fragment, no backslash, no blanks, no bytes outside
 * printable ASCII (international names come in their xn-- form), no host that
 * looks like a number but is not a plain dotted IPv4 address (127.1, 0x7f.1).
 *
 * Threads: pure.  Memory: the parts point into the text that was parsed. */
#ifndef DOMAIN_URL_H
#define DOMAIN_URL_H

#include "ground/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { URL_MAX = 2000 };

struct url {
	bool https;
	bool ipv6; /* host is an address, without its brackets */
	const char *host;
	size_t host_len;
	uint16_t port;	  /* the scheme's own when none was given */
	const char *path; /* from the slash, with the query; "" when there is none */
	size_t path_len;
	size_t query_at; /* offset of '?' in path; path_len when there is none */
};

/* NULL and *ret when it is one, else the reason ("must not hold a password"). */
const char *url_parse(const char *text, size_t len, struct url *ret);
/* scheme://host[:port] in lower case, the scheme's own port left out: what lists of allowed
 * origins hold. */
enum err url_origin(const struct url *url, struct buf *out);
/* Origin and path, the query's values hidden: fit for a log. */
enum err url_redacted(const struct url *url, struct buf *out);

/* host:port or [v6]:port; * or an empty host mean every address. False when it is neither. */
struct url_listen {
	char host[256];
	uint16_t port;
};
bool url_listen_parse(const char *text, struct url_listen *ret);

#endif
