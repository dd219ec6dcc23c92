/* usage.h - what an attempt used up, and what that costs.
 *
 * Threads: pure.  Memory: values. */
#ifndef DOMAIN_USAGE_H
#define DOMAIN_USAGE_H

#include <stdint.h>

struct usage {
	int64_t input_tokens, output_tokens;
	int64_t cost_nano; /* nano-dollars */
};

/* Nano-dollars per million tokens. */
struct usage_price {
	int64_t input_nano, output_nano;
};

/* The cost of what was counted; negative counts, which an upstream may invent, are none. */
struct usage usage_of(int64_t input_tokens, int64_t output_tokens, struct usage_price price);
struct usage usage_add(struct usage a, struct usage b);
/* For calls that ended before the upstream told: a token is about four bytes of text. */
#define USAGE_TOKEN_BYTES 4 /* also a piece of SQL */
int64_t usage_estimate_tokens(int64_t bytes);

#endif
