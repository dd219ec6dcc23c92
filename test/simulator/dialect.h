/* dialect.h - the shapes in which an answer is given: one table row per endpoint.
 *
 * A dialect turns a reply into bytes: the events of a stream (begin, delta, end)
 * or one body (whole), and a refusal. It knows nothing of time, sockets or what
 * shall go wrong; answer.c does. Events carry their SSE framing.
 *
 * Threads: pure.  Memory: everything goes to the caller's buffer. */
#ifndef SIMULATOR_DIALECT_H
#define SIMULATOR_DIALECT_H

#include "ground/buf.h"
#include "simulator/ask.h"
#include "simulator/text.h"

#include <stdbool.h>
#include <stdint.h>

enum finish { FINISH_STOP, FINISH_LENGTH, FINISH_FILTER };

struct reply {
	struct ask ask;
	struct text text;
	uint64_t id; /* follows from seed and prompt */
	int64_t created_s;
	enum finish finish;
	unsigned sequence; /* of the next event, where a dialect counts them */
};

struct dialect {
	const char *path;				     /* without the version */
	enum err (*begin)(struct reply *r, struct buf *out); /* NULL: never streams */
	enum err (*delta)(struct reply *r, const struct buf *piece, struct buf *out);
	enum err (*end)(struct reply *r, struct buf *out);
	enum err (*whole)(struct reply *r, struct buf *out);
	/* An error after the stream has begun. */
	enum err (*fail)(struct reply *r, const char *message, struct buf *out);
	enum err (*refuse)(int status, const char *code, const char *message, struct buf *out);
};

extern const struct dialect dialect_chat;
extern const struct dialect dialect_response;
extern const struct dialect dialect_message;
extern const struct dialect dialect_embedding;
extern const struct dialect dialect_moderation;

/* The row that serves a path, whatever prefix stands before it; NULL when none does. */
const struct dialect *dialect_find(const char *path, size_t len);
/* False where the model's name asked for silence about usage. */
bool dialect_counts(const struct reply *r);
/* OpenAI's error object. code NULL: null. */
enum err dialect_refuse(int status, const char *code, const char *message, struct buf *out);

#endif
