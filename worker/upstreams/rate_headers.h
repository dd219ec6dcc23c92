/* rate_headers.h - what an upstream says of its limits, in the headers of a reply.
 *
 * OpenAI and those who speak like it send x-ratelimit-{limit,remaining,reset}-
 * {requests,tokens}, with a reset such as 6m0s: until the allowance is whole again.
 * Anthropic sends anthropic-ratelimit-{requests,tokens}-{limit,remaining,reset},
 * with a reset in RFC 3339. Names as of
 * https://platform.openai.com/docs/guides/rate-limits and
 * https://docs.anthropic.com/en/api/rate-limits.
 *
 * Threads: pure.  Memory: values. */
#ifndef UPSTREAMS_RATE_HEADERS_H
#define UPSTREAMS_RATE_HEADERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum rate_of { RATE_REQUESTS, RATE_TOKENS, RATES };

/* Below zero where the reply said nothing. */
struct rate_said {
	double limit, left;
	double whole_ms; /* until all of limit is there again */
};

struct rate_headers {
	struct rate_said of[RATES];
};

void rate_headers_init(struct rate_headers *h);
/* Takes one header, if it is one of those. unix_ms: for resets that are dates. */
void rate_headers_read(struct rate_headers *h, const char *name, size_t name_len, const char *value,
	size_t len, int64_t unix_ms);
/* The refill per minute that a reply lets one believe: what is missing comes back until the reset;
 * with nothing missing the limit is taken for a minute's. Below zero: not said. */
double rate_said_per_minute(const struct rate_said *said);
/* "6m0s", "1h2m3.5s", "12ms", or plain seconds. Below zero: neither. */
double rate_duration_ms(const char *text);

#endif
