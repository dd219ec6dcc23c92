/* response_reply.h - events of a streamed response (POST /responses).
 *
 * The last event carries the whole object, so nothing is assembled: the text is
 * followed for those who watch, and the final object is kept as it came.
 *
 * Threads: the reply's. */
#ifndef UPSTREAMS_RESPONSE_REPLY_H
#define UPSTREAMS_RESPONSE_REPLY_H

#include "upstreams/reply.h"

MUST_CHECK enum err response_reply_event(struct reply *r, const char *data, size_t len);
MUST_CHECK enum err response_reply_finish(const struct reply *r, struct buf *out);

#endif
