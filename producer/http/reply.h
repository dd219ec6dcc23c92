/* reply.h - what a request is answered with: a status, a few headers, a body.
 *
 * A reply is built by whoever has the answer, on any one thread at a time, and
 * sent by the server. Headers have short, known values (ids, tags, numbers): a
 * value that would not fit is a mistake of ours and is dropped.
 *
 * Threads: one owner at a time.  Memory: the body is bounded by REPLY_BYTES_MAX. */
#ifndef HTTP_REPLY_H
#define HTTP_REPLY_H

#include "ground/buf.h"
#include "ports/json.h"

enum { REPLY_HEADERS_MAX = 6, REPLY_VALUE_MAX = 96, REPLY_BYTES_MAX = 256 << 20 };

struct reply_header {
	const char *name; /* static */
	char value[REPLY_VALUE_MAX];
};

/* The words in which a failure is told: a problem document (RFC 9457), or openai_error.h. */
enum reply_shape { REPLY_PROBLEM, REPLY_OPENAI };

struct reply {
	enum reply_shape shape;
	int status;
	const char *type; /* content type, static; NULL when there is no body */
	struct buf body;
	struct reply_header headers[REPLY_HEADERS_MAX];
	size_t headers_n;
	int64_t retry_after_s; /* on 429 and 503 that are worth another try; 0 = the usual */
	bool close;	       /* the connection ends with it */
};

void reply_init(struct reply *r);
void reply_clear(struct reply *r);
/* Sets status and type and empties the body, which the caller then fills. */
struct buf *reply_json(struct reply *r, int status);
void reply_header(struct reply *r, const char *name, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Turns the reply into the document of e, in its shape: status, code and title from the error
 * table, Retry-After on 429 and 503 whose fate is to be tried again. problems may be NULL, so may
 * detail. What was built before is dropped. instance is the request's id as text. */
void reply_problem(struct reply *r, enum err e, const char *detail, const struct problems *problems,
	const char *instance);
/* The bare document, for one line of a bulk reply. */
void problem_write(struct buf *out, enum err e, const char *detail, const struct problems *problems,
	const char *instance);

#endif
