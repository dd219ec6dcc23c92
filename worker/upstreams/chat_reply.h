/* chat_reply.h - chunks of a streamed chat completion, assembled into the whole object.
 *
 * Members of a delta grow as the OpenAI clients let them grow: strings are
 * joined, objects merged, arrays merged by their items' "index", and anything
 * else replaced; "role", "type", "id" and "index" never change once said. What
 * it does not know it keeps.
 *
 * Content passes through the owner's filter before it is kept, so that the
 * finished object holds nothing but what was released.
 *
 * Threads: one owner.  Memory: bounded by the reply's limit, given at init. */
#ifndef UPSTREAMS_CHAT_REPLY_H
#define UPSTREAMS_CHAT_REPLY_H

#include "ports/json.h"
#include "upstreams/delta_memo.h"
#include "upstreams/json_merge.h"

/* Appends to kept what of text may be released now. */
typedef enum err reply_filter_fn(
	void *owner, int choice, const char *text, size_t len, struct buf *kept);

enum { CHAT_CHOICES_MAX = 128, CHAT_FINISH_MAX = 32 };

struct chat_choice {
	int index;
	struct buf content;
	bool has_content;
	char finish_reason[CHAT_FINISH_MAX]; /* "" = not yet */
	json_t *message;  /* its other members; NULL = role assistant and no more */
	json_t *logprobs; /* NULL = none */
};

struct chat_reply {
	struct buf head;  /* members of the first chunk but choices, each with a comma */
	struct buf usage; /* the usage object's text; empty = none */
	struct chat_choice *choices;
	size_t choices_n;
	struct delta_memo memo;
	struct json_merge merge;
	size_t max;
	int64_t input_tokens, output_tokens; /* -1 = not said */
	size_t written;			     /* as struct reply's */
};

void chat_reply_init(struct chat_reply *c, size_t max);
void chat_reply_clear(struct chat_reply *c);
/* One chunk's text. An "error" member is not looked at here.
 *   ERR_UP_MALFORMED  no JSON object, or not of a chunk's shape
 *   ERR_UP_TOO_LARGE, ERR_NOMEM, or what the filter returned */
MUST_CHECK enum err chat_reply_chunk(
	struct chat_reply *c, const char *data, size_t len, reply_filter_fn *filter, void *owner);
/* After the last chunk. ERR_NOMEM. */
MUST_CHECK enum err chat_reply_end(struct chat_reply *c);
/* Appends the chat.completion object; the last chunk was told to chat_reply_end. */
MUST_CHECK enum err chat_reply_finish(const struct chat_reply *c, struct buf *out);
/* Memory that its texts take; members besides content, which are few, are not counted. */
size_t chat_reply_bytes(const struct chat_reply *c);
/* What was kept of choice 0; NULL = nothing yet. */
const struct buf *chat_reply_text(const struct chat_reply *c);

#endif
