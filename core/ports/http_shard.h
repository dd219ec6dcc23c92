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
#include <stdint.h>

enum { HTTP_SHARD_CALLS = 1000 };

/* One socket on the loop. It outlives a transfer on a kept connection: taking it off the loop and
 * putting it there again would cost more than the transfer's own reads. */
struct http_watch {
	struct http_shard *shard; /* NULL: no transfer uses it now */
	curl_socket_t fd;
	int wanted;
	struct loop_io *io;
};

enum { HTTP_WATCHES_OURS = 1 << 17 };

/* All sockets of an http, by descriptor. */
struct http_watches {
	struct http_watch **by_fd;
	size_t n;
	uint8_t ours[HTTP_WATCHES_OURS / 8]; /* opened by our hook, so closed by it too */
};

struct http_shard {
	struct loop *loop;
	struct http_watches *watches;
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

MUST_CHECK enum err http_shard_new(
	struct loop *loop, struct http_watches *watches, struct http_shard **ret_shard);
/* Every transfer must have left it. NULL is fine. */
void http_shard_free(struct http_shard *shard);

/* The headers as libcurl wants them, without its "Expect: 100-continue". NULL: out of memory. */
struct curl_slist *http_headers(const char *const *headers);
/* Frees them once they are sent, or no longer wanted: with ten thousand streams under way they are
 * five megabytes. The handle forgets them too; it reads them only where a request begins. */
void http_headers_free(CURL *easy, struct curl_slist **headers);
/* What libcurl's code means to us; ERR_OK when that depends on how far the call got. */
enum err http_shard_err(CURLcode code);

/* Our open hook made this socket. */
void http_watches_opened(struct http_watches *w, curl_socket_t fd);
/* libcurl's close hook (CURLOPT_CLOSESOCKETFUNCTION). */
int http_watches_close(void *watches, curl_socket_t fd);
void http_watches_clear(struct http_watches *w);

#endif
