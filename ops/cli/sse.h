/* sse.h - server-sent events, put together from pieces of any size.
 *
 * As the HTML standard has it: lines end in CR, LF or both; "data:" lines are
 * joined by newlines; a blank line ends an event; comments and unknown fields are
 * dropped. An id stays in force until another one comes.
 *
 * Threads: one.  Memory: the reader holds one line and one event, both bounded. */
#ifndef CLI_SSE_H
#define CLI_SSE_H

#include "ground/buf.h"

#include <stdbool.h>

enum { SSE_NAME_MAX = 64, SSE_ID_MAX = 64 };

struct sse_event {
	const char *id;	  /* "" when none was told yet */
	const char *name; /* "message" when none was told */
	const char *data; /* NUL-terminated */
	size_t len;
};
/* Anything but ERR_OK ends sse_feed with it. */
typedef enum err sse_fn(void *owner, const struct sse_event *event);

struct sse {
	sse_fn *fn;
	void *owner;
	struct buf line, data;
	char name[SSE_NAME_MAX], id[SSE_ID_MAX];
	bool after_cr;
};

void sse_init(struct sse *s, sse_fn *fn, void *owner);
void sse_clear(struct sse *s);
/* A new connection: what was half read is dropped, the id stays. */
void sse_restart(struct sse *s);
/* ERR_TOO_LARGE for a line or an event over 4 MiB, ERR_NOMEM, or what fn returned. */
MUST_CHECK enum err sse_feed(struct sse *s, const char *bytes, size_t len);

#endif
