/* http.h - calls to other people's servers (libcurl lives behind this).
 *
 * A call is one request and its streamed reply. It may last an hour, so there
 * is no total time-out; instead each phase has its own deadline: the connection,
 * the first byte, the silence between two pieces, and the least speed over a
 * window, from the reply's status line on. One sweep per quarter second checks
 * all of them, because libcurl's own guards would wake every stream once a second.
 *
 * Calls are spread over multi handles of at most a thousand transfers each:
 * libcurl scans a multi's connections when it looks for one to reuse. Nothing is
 * retried, redirected or sent through a proxy here.
 *
 * Threads: the loop's.  Memory: a call copies its url and headers, not its body;
 * calls and their handles are pooled, so a warm call allocates little. */
#ifndef PORTS_HTTP_H
#define PORTS_HTTP_H

#include "ground/err.h"
#include "ports/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct http;
struct http_call;
struct sockaddr;

struct http_end {
	enum err err;	    /* ERR_OK: the reply is whole, whatever its status says */
	int status;	    /* 0: no reply began */
	size_t body_bytes;  /* received */
	int64_t connect_us; /* until the request could be sent */
	int64_t first_us;   /* start to first byte of the reply; -1: none came */
	int64_t total_us;
	const char *why; /* libcurl's words for people, "" when fine; valid during the callback */
};

/* What the owner hears, in this order; any but end may be NULL. From within them every function
 * here may be called. */
struct http_events {
	void (*sent)(void *owner); /* connected: the request is being written */
	void (*header)(
		void *owner, const char *name, size_t name_len, const char *value, size_t len);
	/* Headers are complete; interim replies (1xx) are not told. */
	void (*status)(void *owner, int status);
	/* Anything but ERR_OK ends the call with that error. */
	enum err (*body)(void *owner, const char *bytes, size_t len);
	void (*end)(void *owner, const struct http_end *end); /* once; the call is gone after it */
};

struct http_request {
	const char *method;	    /* "POST" sends the body; "GET" none */
	const char *url;	    /* http or https, no user info */
	const char *const *headers; /* "Name: value", ends with NULL; may be NULL */
	const char *body;	    /* not copied: must live as http_body_sent says */
	size_t body_len;
	int64_t connect_ms, first_byte_ms, idle_ms; /* 0 = none */
	int64_t total_ms;			    /* 0 = none, as for every model call */
	size_t slow_bytes; /* fewer than this in slow_window_ms ends the call; 0 = no matter */
	int64_t slow_window_ms;
	size_t reply_max; /* more ends the call with ERR_UP_TOO_LARGE; 0 = 16 MiB */
	/* For addresses that a tenant supplied: asked for each resolved address before a socket
	 * exists; one refusal refuses all the rest. ERR_FORBIDDEN then. Such calls share no
	 * connections. NULL = any address. policy must live until end. */
	bool (*may_reach)(const void *policy, const struct sockaddr *address);
	const void *policy;
	bool https_only;
};

/* Whether a header that events.header tells of has this name, whatever its case. */
bool http_header_is(const char *name, size_t len, const char *wanted);
/* 2xx. */
bool http_succeeded(int status);

/* max_calls bounds the calls under way. */
MUST_CHECK enum err http_new(struct loop *loop, size_t max_calls, struct http **ret_http);
/* Ends every call without telling its owner. NULL is fine. */
void http_free(struct http *http);

/* Starts a call; every later outcome comes through events (never before this returns).
 *   ERR_UNAVAILABLE  max_calls are under way     ERR_NOMEM
 * A url that libcurl cannot read ends it with ERR_INVALID_FIELD. */
MUST_CHECK enum err http_start(struct http *http, const struct http_request *request,
	const struct http_events *events, void *owner, struct http_call **ret_call);
/* Whether the request's body is wanted no more and may go: from status on, once all of it was sent.
 * A server may answer before it has read the body, and goes on reading while it answers. Without a
 * yes it must live until end, or until http_cancel returns; where that is called from within
 * another call's event, until that event returns. */
bool http_body_sent(const struct http_call *call);
/* Ends a call and closes its socket; its owner hears nothing more. */
void http_cancel(struct http_call *call);
size_t http_active(const struct http *http);

#endif
