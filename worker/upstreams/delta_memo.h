/* delta_memo.h - the common chunk of a chat stream, read without building a tree.
 *
 * Chunk after chunk of a stream differs in one string only, the delta's content.
 * So the text around that string is remembered from a chunk that was parsed in
 * full; a later chunk with the very same text around a valid JSON string says
 * the very same, but for the string. Everything else takes the full parser.
 * A fuzz target holds the two against each other.
 *
 * A server that changes something in each chunk gains nothing: after a few
 * misses the memo gives up.
 *
 * Threads: one owner.  Memory: one chunk without its content. */
#ifndef UPSTREAMS_DELTA_MEMO_H
#define UPSTREAMS_DELTA_MEMO_H

#include "ground/buf.h"

#include <stdbool.h>

struct delta_memo {
	struct buf around; /* what stands before the content, then what stands after */
	size_t before_len;
	int choice; /* whose content it is */
	int misses;
};

enum { DELTA_MEMO_BYTES_MAX = 2048, DELTA_MEMO_MISSES_MAX = 4 };

void delta_memo_init(struct delta_memo *m);
void delta_memo_clear(struct delta_memo *m);
/* data was parsed and holds nothing but content as choice's delta. Remembers it if it can. */
void delta_memo_learn(struct delta_memo *m, const char *data, size_t len, int choice,
	const char *content, size_t content_len);
/* Appends the content and gives the choice, when data has the remembered shape. */
bool delta_memo_match(
	struct delta_memo *m, const char *data, size_t len, struct buf *out, int *ret_choice);

#endif
