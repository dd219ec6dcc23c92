/* shares.h - how much of one thing is held by all together, and by each tenant.
 *
 * What is scarce (memory for bodies, memory for replies, who may watch) is counted twice: against
 * what there is, and against what one tenant may hold of it, so that nobody's own hoard takes
 * what others need. Tenants are counted in places that their ids choose by their random bits; two
 * that meet in one (of 4096) have one share together. Who has no tenant has a place as well.
 *
 * Threads: any; atomic sums.  Memory: embedded in its owner; zero is empty. */
#ifndef HTTP_SHARES_H
#define HTTP_SHARES_H

#include "ground/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SHARES = 4096 };
enum share_limit { SHARE_ALL, SHARE_TENANT, SHARE_LIMITS };

struct shares {
	_Atomic size_t all;
	_Atomic size_t of[SHARES + 1]; /* by tenant; the last: of no tenant */
	_Atomic uint64_t refused[SHARE_LIMITS];
};

/* What may be held at each limit. */
struct share_bounds {
	size_t most[SHARE_LIMITS];
};

size_t shares_held(struct shares *s, struct id tenant, enum share_limit limit);
/* Of one that holds so much already and wants n in all: counted when true. One that little (a
 * twelfth) stands beside is let through, however large, or it would be refused for ever. */
bool shares_claim(struct shares *s, struct id tenant, size_t held, size_t n,
	const struct share_bounds *bounds);
/* It holds n from now on, whatever the bounds say. */
void shares_set(struct shares *s, struct id tenant, size_t held, size_t n);

#endif
