/* A stream's events do not depend on how its bytes were cut. */
#include "domain/sse.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

struct heard {
	struct sse sse;
	struct buf text;
};

static enum err hear(void *owner, const char *data, size_t len)
{
	struct heard *heard = owner;

	buf_printf(&heard->text, "%s|%s|", heard->sse.id, sse_name(&heard->sse));
	buf_append(&heard->text, data, len);
	return buf_append(&heard->text, "\0|", 2);
}

static void feed(const uint8_t *bytes, size_t len, size_t piece, struct heard *heard)
{
	sse_init(&heard->sse, 1 << 20);
	buf_init(&heard->text, 1 << 24);
	for (size_t at = 0; at < len; at += piece)
		if (sse_feed(&heard->sse, (const char *)bytes + at,
			    len - at < piece ? len - at : piece, hear, heard) != ERR_OK)
			abort();
	sse_clear(&heard->sse);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct heard whole, cut;

	if (!len)
		return 0;
	feed(bytes + 1, len - 1, len, &whole);
	feed(bytes + 1, len - 1, 1 + bytes[0] % 17, &cut);
	if (whole.text.len != cut.text.len ||
		(whole.text.len && memcmp(whole.text.bytes, cut.text.bytes, cut.text.len) != 0))
		abort();
	buf_clear(&whole.text);
	buf_clear(&cut.text);
	return 0;
}
