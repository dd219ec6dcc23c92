/* sse.h - server-sent events (WHATWG HTML, 9.2.6), read in pieces of any size.
 *
 * Fed bytes as they arrive, it hands over each event's data once its blank line
 * is there; how the bytes were cut makes no difference. Lines may end in LF, CR
 * or CRLF; "data:" lines are joined by LF; comments and unknown fields are dropped.
 * An event cut off by the end of the stream is no event. During the call its name
 * and its id stand here beside it: model servers say in the data what it is, ours
 * in its name and number.
 *
 * An event that lies whole in one piece is handed over in place; only what is
 * cut is copied. So a stream between two events holds no memory.
 *
 * Threads: one owner.  Memory: at most max bytes for one event. */
#ifndef DOMAIN_SSE_H
#define DOMAIN_SSE_H

#include "ground/buf.h"

#include <stdbool.h>

enum { SSE_NAME_MAX = 64, SSE_ID_MAX = 64 };

struct sse {
	char id[SSE_ID_MAX];	 /* in force until another one comes; "" = none was told yet */
	char name[SSE_NAME_MAX]; /* of the event; "" = it has none */
	struct buf line;	 /* a line whose end has not come yet */
	struct buf data;	 /* the event's data lines so far, joined with LF */
	bool begun;		 /* past a byte order mark */
	bool has_data;		 /* the event has a data line, if only an empty one */
	bool after_cr;		 /* a LF now belongs to the line end before it */
};

/* One event's data, valid during the call, not terminated. Anything but ERR_OK stops the feed with
 * it. */
typedef enum err sse_event_fn(void *owner, const char *data, size_t len);

void sse_init(struct sse *s, size_t max);
void sse_clear(struct sse *s);
/* A new connection: what was half read is dropped, the id stays. */
void sse_restart(struct sse *s);
/* The event's name, "message" when none was told. */
const char *sse_name(const struct sse *s);
/* ERR_TOO_LARGE: a line or an event is larger than max; ERR_NOMEM; or what fn returned. */
MUST_CHECK enum err sse_feed(
	struct sse *s, const char *bytes, size_t len, sse_event_fn *fn, void *owner);

#endif
