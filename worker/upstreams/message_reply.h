/* message_reply.h - events of a streamed message (POST /messages, Anthropic's), assembled.
 *
 *   message_start          the message, without content
 *   content_block_start    a block begins; its deltas make it grow
 *   content_block_delta    text_delta, input_json_delta, thinking_delta, signature_delta, ...
 *   content_block_stop
 *   message_delta          why it stopped, and the usage so far
 *   message_stop           the end marker
 *   ping, error
 *
 * Blocks follow each other and never mix, so a block is what came since the one
 * before. Text passes through the owner's filter into the reply's text, which is
 * all blocks' text in a row; a block remembers which part of it is its own. Kinds
 * of blocks, deltas and members that nobody knows here are kept.
 *
 * https://docs.anthropic.com/en/docs/build-with-claude/streaming
 *
 * Threads: one owner.  Memory: bounded by the reply's limit, given at init. */
#ifndef UPSTREAMS_MESSAGE_REPLY_H
#define UPSTREAMS_MESSAGE_REPLY_H

#include "upstreams/json_merge.h"

struct reply;

enum { MESSAGE_BLOCKS_MAX = 4096 };

struct message_block {
	json_t *object;		   /* as it was started, and what grew since */
	size_t text_from, text_to; /* its part of the reply's text */
	bool has_text;
	struct buf joined;  /* pieces of one member that are put together at the end */
	const char *member; /* which one; NULL = none */
};

struct message_reply {
	json_t *message; /* NULL until message_start */
	struct message_block *blocks;
	size_t blocks_n;
	struct json_merge merge; /* of deltas that nobody knows */
	size_t max;
};

void message_reply_init(struct message_reply *m, size_t max);
void message_reply_clear(struct message_reply *m);
MUST_CHECK enum err message_reply_event(struct reply *r, const char *data, size_t len);
MUST_CHECK enum err message_reply_finish(const struct reply *r, struct buf *out);

#endif
