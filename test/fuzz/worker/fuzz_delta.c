/* The quick way to read a chat chunk says what the full parser says.
 *
 * The input is lines, each one chunk. One reply reads them with its memo, another
 * has the memo taken away before each line. */
#include "upstreams/chat_reply.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static enum err keep(void *owner, int choice, const char *text, size_t len, struct buf *kept)
{
	return buf_append(kept, text, len);
}

static enum err read_line(struct chat_reply *c, const char *line, size_t len)
{
	return chat_reply_chunk(c, line, len, keep, NULL);
}

static void same_texts(struct chat_reply *a, struct chat_reply *b)
{
	struct buf left, right;

	buf_init(&left, 1 << 22);
	buf_init(&right, 1 << 22);
	if (chat_reply_end(a) != chat_reply_end(b) ||
		chat_reply_finish(a, &left) != chat_reply_finish(b, &right) ||
		left.len != right.len ||
		(left.len && memcmp(left.bytes, right.bytes, left.len) != 0))
		abort();
	buf_clear(&left);
	buf_clear(&right);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const char *at = (const char *)bytes, *end = at + len;
	struct chat_reply quick, full;

	chat_reply_init(&quick, 1 << 20);
	chat_reply_init(&full, 1 << 20);
	while (at < end) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));
		const size_t line = (size_t)((lf ? lf : end) - at);
		enum err e;

		delta_memo_clear(&full.memo);
		e = read_line(&quick, at, line);
		if (e != read_line(&full, at, line))
			abort();
		if (e)
			break;
		at += line + 1;
	}
	same_texts(&quick, &full);
	chat_reply_clear(&quick);
	chat_reply_clear(&full);
	return 0;
}
