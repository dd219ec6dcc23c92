/* http_inside.h - what http.c and http_call.c share: a client, and one call of it.
 *
 * http.c has the calls of all shards and their pool; http_call.c has one call: what
 * libcurl is asked for, what it tells, and what came of it.
 *
 * For core/ports/http*.c only.  Threads: the loop's.  Memory: as http.h. */
#ifndef PORTS_HTTP_INSIDE_H
#define PORTS_HTTP_INSIDE_H

#include "ground/ring.h"
#include "ports/http.h"
#include "ports/http_shard.h"

#include <curl/curl.h>

struct http {
	struct loop *loop;
	struct http_shard **shards;
	struct http_watches watches;
	size_t n_shards, max_shards;
	size_t active_n, max_calls, pooled_n;
	struct ring active, overdue, pool;
	struct loop_timer *sweep;
};

enum phase { PHASE_CONNECT, PHASE_SENT, PHASE_REPLY };

struct http_call {
	struct ring link; /* of one: active, overdue, doomed, pool */
	struct http *http;
	struct http_shard *shard;
	CURL *easy;
	struct curl_slist *headers;
	struct http_events events;
	void *owner;
	struct http_request limits; /* its pointers are not used after the start, but for policy */
	enum phase phase;
	enum err err; /* why we ended it ourselves */
	bool dropped; /* its owner cancelled */
	bool refused; /* may_reach said no */
	bool told;    /* of the final status */
	int status;
	size_t header_bytes, body_bytes, window_bytes;
	int64_t start_us, sent_us, first_us;
	int64_t phase_ms, window_ms; /* when the phase's silence, and the window, began */
	char why[CURL_ERROR_SIZE];
};

/* What is the same for every call; a pooled handle keeps it. */
void http_call_prepare(struct http_call *call);
/* A pooled call remembers the one before: forgets it, and begins to count. */
void http_call_renew(struct http_call *call);
/* ERR_NOMEM. */
MUST_CHECK enum err http_call_request(struct http_call *call, const struct http_request *r);
/* The deadline that is over at now (loop_now_ms), or ERR_OK. */
enum err http_call_overdue(struct http_call *call, int64_t now);
/* What libcurl's code, and what we know of the call, mean. */
enum err http_call_outcome(const struct http_call *call, CURLcode code);

#endif
