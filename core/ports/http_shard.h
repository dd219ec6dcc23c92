/* http_shard.h - one libcurl multi handle driven by the loop.
 *
 * libcurl names the sockets it waits for and one time-out; the loop watches them
 * and calls back into it. While libcurl works (busy) its handles may not change,
 * so what its owner wants gone waits in doomed until it returns.
 *
 * Part of http.c.  Threads: the loop's. */
#ifndef PORTS_HTTP_SHARD_H
#define PORTS_HTTP_SHARD_H

#include "ground/err.h"
#include "ground/ring.h"
#include "ports/loop.h"

#include <curl/curl.h>
#include <stdbool.h>
#include <stddef.h>

enum { HTTP_SHARD_CALLS = 1000 };

struct http_shard {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer *timer;
	size_t calls; /* in it; the owner counts */
	bool busy;
	struct ring doomed; /* the owner's, cancelled while busy */
	/* A transfer is over; it is still in the multi. */
	void (*on_end)(CURL *easy, CURLcode code);
	/* libcurl returned: release what is doomed. */
	void (*on_settle)(struct http_shard *shard);
};

MUST_CHECK enum err http_shard_new(struct loop *loop, struct http_shard **ret_shard);
/* Every transfer must have left it. NULL is fine. */
void http_shard_free(struct http_shard *shard);

/* What libcurl's code means to us; ERR_OK when that depends on how far the call got. */
enum err http_shard_err(CURLcode code);

#endif
