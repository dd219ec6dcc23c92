/* reply.h - an upstream's reply, from its first byte to the body we keep.
 *
 * A kind of job that calls a model is a row: how a streamed event of it is read,
 * and what the finished body is made of. Each row's functions have a file of their
 * own. A reply that is not an event stream (embeddings, or a caller who asked for
 * "stream": false) is collected whole. A reply that is no success is collected up
 * to a small limit, for what it says of the error.
 *
 * All text that a model wrote passes through the owner's filter (the moderator)
 * on its way in; nothing of it can leave otherwise.
 *
 * Threads: one owner.  Memory: at most max bytes; nothing between two events of
 * a stream but what the finished body needs. */
#ifndef UPSTREAMS_REPLY_H
#define UPSTREAMS_REPLY_H

#include "domain/sse.h"
#include "upstreams/chat_reply.h"
#include "upstreams/message_reply.h"

struct reply;

struct reply_kind {
	const char *name; /* of the job; its path is in domain/kind.c */
	bool usage_asked; /* "stream_options": {"include_usage": true} where a stream is asked for
			   */
	/* Reads one event's data (a JSON object, but for end markers). NULL: never a stream. */
	enum err (*event)(struct reply *r, const char *data, size_t len);
	/* Appends the finished body of a stream. */
	enum err (*finish)(const struct reply *r, struct buf *out);
	/* The member of a body that came whole in which the model wrote; NULL = it wrote none. */
	const char *answer;
};
/* NULL: no call is made for such jobs, or there is no such kind. */
const struct reply_kind *reply_kind_find(const char *name);

struct reply {
	const struct reply_kind *kind;
	reply_filter_fn *filter;
	void *owner;
	size_t max, bytes;
	int status;
	bool is_stream; /* by its content type */
	bool ended;	/* the end marker came */
	struct sse sse;
	struct chat_reply chat;
	struct message_reply message;
	struct buf text; /* response, message: text so far; choice 0 has it for chat */
	struct buf body; /* not streamed, an error's, or a response's final object */
	int64_t input_tokens, output_tokens; /* -1 = not said */
	size_t written; /* bytes of text that the model wrote, as far as they were read as such */
};

void reply_init(struct reply *r, const struct reply_kind *kind, size_t max);
void reply_clear(struct reply *r);
/* Before the first byte. */
void reply_begin(struct reply *r, int status, bool event_stream);
/*   ERR_UP_MALFORMED, ERR_UP_TOO_LARGE, ERR_NOMEM, what the filter returned, or the error
 *   that an event inside the stream reports (its text is then in body) */
MUST_CHECK enum err reply_feed(struct reply *r, const char *bytes, size_t len);
/* The transfer is over. Appends the body to keep.
 *   ERR_UP_TRUNCATED  the stream had no end marker      ERR_UP_MALFORMED  the body is no JSON */
MUST_CHECK enum err reply_finish(struct reply *r, struct buf *out);
/* Memory that its buffers take. */
size_t reply_bytes(const struct reply *r);
/* Released text of the (first) answer so far; NULL = none yet. Grows only. */
const struct buf *reply_text(const struct reply *r);

/* ---- for the rows' own files ---- */

/* Reads an event that is one JSON object with a "type". ERR_UP_MALFORMED, ERR_NOMEM */
MUST_CHECK enum err reply_event_read(
	const char *data, size_t len, json_t **ret_root, const char **ret_type);
/* An error inside HTTP 200: its text is kept as an error body's is. */
MUST_CHECK enum err reply_event_error(
	struct reply *r, const json_t *error, const char *data, size_t len);
/* Takes what a usage object says, in anybody's words. Tokens that came from a prompt cache, or
 * went into one, are input where the upstream counts them apart. */
void reply_usage(struct reply *r, const json_t *usage);

#endif
