/* What an upstream says of its limits: any bytes leave numbers that can be reckoned with. */
#include "upstreams/rate_headers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static void read_as(struct rate_headers *h, const char *name, const uint8_t *bytes, size_t len)
{
	rate_headers_read(h, name, strlen(name), (const char *)bytes, len, 1769860800000);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const size_t third = len / 3;
	struct rate_headers h;

	rate_headers_init(&h);
	read_as(&h, "x-ratelimit-limit-tokens", bytes, third);
	read_as(&h, "x-ratelimit-remaining-tokens", bytes + third, third);
	read_as(&h, "anthropic-ratelimit-tokens-reset", bytes + 2 * third, len - 2 * third);
	for (size_t i = 0; i < RATES; i++)
		if (!isfinite(h.of[i].limit) || !isfinite(h.of[i].left) ||
			!isfinite(h.of[i].whole_ms) || !isfinite(rate_said_per_minute(&h.of[i])))
			abort();
	return 0;
}
