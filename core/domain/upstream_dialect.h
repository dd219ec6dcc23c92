/* upstream_dialect.h - whose manners an upstream has: how its key is sent, and what else it wants
 * said.
 *
 * Which path a call goes to and how its reply reads is the kind's (kind.h); a
 * dialect is the server's. Words for errors are shared by all of them and stand
 * in worker/upstreams/outcome.c.
 *
 * Threads: pure.  Memory: static. */
#ifndef DOMAIN_UPSTREAM_DIALECT_H
#define DOMAIN_UPSTREAM_DIALECT_H

#include <stddef.h>

struct upstream_dialect {
	const char *name;
	const char *key_header; /* what stands before the key */
	const char *version;	/* a header of its own; NULL = none */
};

/* NULL when there is none of this name. */
const struct upstream_dialect *upstream_dialect_find(const char *name);
/* The n-th row, NULL after the last. */
const struct upstream_dialect *upstream_dialect_at(size_t n);

#endif
