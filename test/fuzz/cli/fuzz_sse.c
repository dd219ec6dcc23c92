/* A server's stream, in pieces: what is heard does not depend on where they were cut. */
#include "sse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum err count(void *owner, const struct sse_event *event)
{
	size_t *sum = owner;

	*sum = *sum * 31 + event->len + strlen(event->name) + strlen(event->id) + 1;
	return ERR_OK;
}

static size_t feed(const char *bytes, size_t len, size_t piece)
{
	struct sse s;
	size_t sum = 0;

	sse_init(&s, count, &sum);
	for (size_t i = 0; i < len; i += piece)
		if (sse_feed(&s, bytes + i, len - i < piece ? len - i : piece) != ERR_OK)
			abort();
	sse_clear(&s);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	size_t whole = feed((const char *)bytes, len, len + 1);

	if (feed((const char *)bytes, len, 1) != whole ||
		feed((const char *)bytes, len, 7) != whole)
		abort();
	return 0;
}
