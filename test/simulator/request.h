/* request.h - one HTTP/1.1 request, read from the bytes that came so far.
 *
 * Strict where leniency would hide a client's mistake: lines end in CRLF, one
 * Content-Length or none, no chunked bodies (no client here sends one), no
 * folding. Nothing is copied: spans point into the bytes given.
 *
 * Threads: pure.  Memory: none. */
#ifndef SIMULATOR_REQUEST_H
#define SIMULATOR_REQUEST_H

#include "ground/err.h"

#include <stdbool.h>
#include <stddef.h>

enum { REQUEST_HEAD_MAX = 16 << 10, REQUEST_BODY_MAX = 64 << 20 };

struct slice {
	const char *at;
	size_t len;
};

struct request {
	struct slice method;
	struct slice path;  /* without the query */
	struct slice query; /* behind the question mark */
	struct slice job;   /* X-Client-Request-Id */
	struct slice key;   /* Authorization: Bearer, or x-api-key */
	struct slice body;
	size_t total;	  /* bytes of the whole request */
	size_t wanted;	  /* total, as soon as the head is known; else 0 */
	unsigned attempt; /* X-Longhaul-Attempt */
	bool close;	  /* Connection: close, or HTTP/1.0 */
	bool expects;	  /* Expect: 100-continue */
};

enum request_state { REQUEST_MORE, REQUEST_READY, REQUEST_BAD };

/* REQUEST_MORE also fills what the head says once it is complete (wanted, expects). */
enum request_state request_read(const char *bytes, size_t len, struct request *ret);
bool slice_is(struct slice s, const char *text);
/* The value of name in a query string; an empty slice when it is absent. */
struct slice slice_query(struct slice query, const char *name);
/* Decimal digits only; otherwise `otherwise`. */
long slice_number(struct slice s, long otherwise);

#endif
