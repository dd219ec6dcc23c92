/* sse.h - one server-sent event stream: many may write, the server sends.
 *
 * Written bytes wait in a bounded buffer; a client too slow for it loses the
 * stream (it resumes with Last-Event-ID, so nothing is lost). Buffers of 64 KiB and more are
 * counted, all together and by tenant: where too much is held a stream ends, and drops what
 * waits. While there is
 * nothing to send the connection is suspended: a silent stream costs no thread.
 *
 * Threads: any; an own lock.  Memory: counted references, one held by the
 * connection, one by whoever writes. */
#ifndef HTTP_SSE_H
#define HTTP_SSE_H

#include "ground/buf.h"
#include "http/shares.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct sse;

struct sse_options {
	size_t bytes_max;
	struct shares *held; /* bytes of all streams; outlives them */
	struct id tenant;    /* whose */
	struct share_bounds bounds;
};

MUST_CHECK enum err sse_new(const struct sse_options *options, struct sse **ret_sse);
struct sse *sse_hold(struct sse *s);
void sse_release(struct sse *s);

/* One event with its number; data is one line of JSON. False when the client is gone or too slow,
 * or no memory is left for it: the stream is over. */
bool sse_event(struct sse *s, int64_t number, const char *event, const char *data, size_t len);
bool sse_comment(struct sse *s);
/* Nothing more will come. */
void sse_end(struct sse *s);
/* The client went away, or was too slow. */
bool sse_is_over(struct sse *s);

/* ---- the server's side ---- */
void sse_attach(struct sse *s, void *connection);
/* Copies what is there; 0 = suspended until there is more; -1 = end of the stream. */
ssize_t sse_read(struct sse *s, char *out, size_t room);
void sse_detach(struct sse *s);

#endif
