/* limit_reply.h - what a client is told of its limits.
 *
 * draft-ietf-httpapi-ratelimit-headers: the limit that is nearest to its end, in every
 * reply to a request that was limited.
 *
 *   RateLimit-Policy: "user";q=100;w=60    100 requests in 60 s
 *   RateLimit: "user";r=50;t=30            50 are left, all of them again in 30 s;
 *                                          with r=0: the next one in so many seconds
 *
 * A refusal is 429, a problem document of the type quota-exceeded that names every
 * policy that stands in the way; Retry-After is when the last of them gives way. On OpenAI's
 * paths it has their shape (http/openai_error.h).
 *
 * Threads: the request's.  Memory: nothing is kept. */
#ifndef LIMITS_LIMIT_REPLY_H
#define LIMITS_LIMIT_REPLY_H

#include "http/request.h"

enum { LIMIT_HEADERS_MAX = 2 };

/* How many it made: none where no limit was asked. */
size_t limit_headers(const struct request *r, struct reply_header ret[LIMIT_HEADERS_MAX]);
/* Answers r, whose limits refused it. */
void limit_refuse(struct request *r);

#endif
