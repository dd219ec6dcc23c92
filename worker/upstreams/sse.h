/* sse.h - the data of server-sent events (WHATWG HTML, 9.2.6), in pieces of any size.
 *
 * Fed bytes as they arrive, it hands over each event's data once its blank line
 * is there; how the bytes were cut makes no difference. Lines may end in LF, CR
 * or CRLF. Names, ids and retry times are not needed: model servers say in the
 * data what it is. An event cut off by the end of the stream is no event.
 *
 * An event that lies whole in one piece is handed over in place; only what is
 * cut is copied. So a stream between two events holds no memory.
 *
 * Threads: one owner.  Memory: at most max bytes for one event. */
#ifndef UPSTREAMS_SSE_H
#define UPSTREAMS_SSE_H

#include "ground/buf.h"

struct sse {
	struct buf line; /* a line whose end has not come yet */
	struct buf data; /* the event's data lines so far, joined with LF */
	bool begun;	 /* past a byte order mark */
	bool has_data;	 /* the event has a data line, if only an empty one */
	bool after_cr;	 /* a LF now belongs to the line end before it */
};

/* One event's data, valid during the call. Anything but ERR_OK stops the feed with it. */
typedef enum err sse_event_fn(void *owner, const char *data, size_t len);

void sse_init(struct sse *s, size_t max);
void sse_clear(struct sse *s);
/* ERR_TOO_LARGE: an event is larger than max; ERR_NOMEM; or what fn returned. */
MUST_CHECK enum err sse_feed(
	struct sse *s, const char *bytes, size_t len, sse_event_fn *fn, void *owner);

#endif
