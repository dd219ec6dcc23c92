/* Any bytes as a reply, cut anywhere, end the same way: with the same error or the same body. */
#include "upstreams/outcome.h"
#include "upstreams/reply.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum err keep(void *owner, int choice, const char *text, size_t len, struct buf *kept)
{
	return buf_append(kept, text, len);
}

static enum err run(
	const char *kind, const uint8_t *bytes, size_t len, size_t piece, struct buf *out)
{
	struct reply r;
	enum err e = ERR_OK;

	buf_init(out, 1 << 22);
	reply_init(&r, reply_kind_find(kind), 1 << 20);
	r.filter = keep;
	reply_begin(&r, 200, true);
	for (size_t at = 0; at < len && !e; at += piece)
		e = reply_feed(&r, (const char *)bytes + at, len - at < piece ? len - at : piece);
	if (!e)
		e = reply_finish(&r, out);
	reply_clear(&r);
	return e;
}

static void words(const uint8_t *bytes, size_t len)
{
	struct buf out;

	buf_init(&out, 1 << 16);
	if (outcome_words((const char *)bytes, len, 2048, &out) != ERR_OK || out.len > 2048)
		abort();
	(void)outcome_of_status(429, (const char *)bytes, len);
	buf_clear(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const kinds[] = {"chat", "response", "embedding", "message"};
	struct buf whole, cut;
	const char *kind;

	if (len < 2)
		return 0;
	kind = kinds[bytes[0] % 4];
	if (run(kind, bytes + 2, len - 2, len, &whole) !=
			run(kind, bytes + 2, len - 2, 1 + bytes[1] % 19, &cut) ||
		whole.len != cut.len ||
		(whole.len && memcmp(whole.bytes, cut.bytes, whole.len) != 0))
		abort();
	words(bytes + 2, len - 2);
	buf_clear(&whole);
	buf_clear(&cut);
	return 0;
}
