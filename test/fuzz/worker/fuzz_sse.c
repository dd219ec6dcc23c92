/* A stream's events do not depend on how its bytes were cut. */
#include "upstreams/sse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum err collect(void *owner, const char *data, size_t len)
{
	buf_append(owner, data, len);
	return buf_append(owner, "\0|", 2);
}

static void feed(const uint8_t *bytes, size_t len, size_t piece, struct buf *heard)
{
	struct sse s;

	sse_init(&s, 1 << 20);
	buf_init(heard, 1 << 24);
	for (size_t at = 0; at < len; at += piece)
		if (sse_feed(&s, (const char *)bytes + at, len - at < piece ? len - at : piece,
			    collect, heard) != ERR_OK)
			abort();
	sse_clear(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct buf whole, cut;

	if (!len)
		return 0;
	feed(bytes + 1, len - 1, len, &whole);
	feed(bytes + 1, len - 1, 1 + bytes[0] % 17, &cut);
	if (whole.len != cut.len || (whole.len && memcmp(whole.bytes, cut.bytes, whole.len) != 0))
		abort();
	buf_clear(&whole);
	buf_clear(&cut);
	return 0;
}
