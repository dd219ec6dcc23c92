/* upstream_request.h - what is sent to an upstream: the caller's input, little changed.
 *
 * Three members are ours to set: "stream" where the caller left it open, the wish
 * for usage in a stream, and "model" where the upstream has its own name for it.
 *
 * Threads: pure. */
#ifndef UPSTREAMS_UPSTREAM_REQUEST_H
#define UPSTREAMS_UPSTREAM_REQUEST_H

#include "upstreams/json_text.h"
#include "upstreams/reply.h"
#include "upstreams/upstream.h"

/* Appends the request body. model: the upstream's name for it; NULL = as the caller has it.
 * ERR_INVALID_JSON, ERR_NOMEM, ERR_TOO_LARGE */
MUST_CHECK enum err upstream_body(const struct upstream *up, const struct reply_kind *kind,
	const char *model, struct json_text input, struct buf *out);
/* The most tokens that the answer may have, as the caller said; 0 = not said. */
int64_t upstream_output_max(struct json_text input);
/* Appends base_url and path. ERR_NOMEM */
MUST_CHECK enum err upstream_url(const struct upstream *up, const char *path, struct buf *out);

/* What the server wants to see on every call: the key, its dialect's version. Ends with NULL. */
enum { UPSTREAM_HEADERS = 3 };
void upstream_headers(const struct upstream_key *key, const char *ret_headers[UPSTREAM_HEADERS]);

#endif
