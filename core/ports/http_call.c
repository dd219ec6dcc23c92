#include "ground/clock.h"
#include "ports/http_inside.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
	STATUS_DIGITS = 3,
	RECEIVE_BYTES = 1024,	/* each busy stream owns one of these */
	HEADERS_MAX = 256 << 10 /* of one reply, trailers and all */
};

/* ---- what libcurl tells ---- */

static void call_phase(struct http_call *call, enum phase phase)
{
	call->phase = phase;
	call->phase_ms = loop_now_ms(call->http->loop);
}

static int on_prereq(void *ctx, char *to, char *from, int to_port, int from_port)
{
	struct http_call *call = ctx;

	if (call->dropped)
		return CURL_PREREQFUNC_ABORT;
	call->sent_us = clock_us();
	call_phase(call, PHASE_SENT);
	if (call->events.sent)
		call->events.sent(call->owner);
	return call->dropped ? CURL_PREREQFUNC_ABORT : CURL_PREREQFUNC_OK;
}

static void header_line(struct http_call *call, const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);
	const char *value = colon ? colon + 1 : NULL;

	if (!colon || !call->events.header)
		return;
	while (value < line + len && (*value == ' ' || *value == '\t'))
		value++;
	call->events.header(
		call->owner, line, (size_t)(colon - line), value, (size_t)(line + len - value));
}

/* Of "HTTP/1.1 200 OK", which ends at len and nowhere else. */
static int status_of(const char *line, size_t len)
{
	const char *end = line + len, *at = memchr(line, ' ', len);
	int status = 0;

	while (at && at < end && *at == ' ')
		at++;
	for (int i = 0; at && at < end && i < STATUS_DIGITS && *at >= '0' && *at <= '9'; i++)
		status = status * 10 + (*at++ - '0');
	return status;
}

static size_t on_header(char *line, size_t one, size_t len, void *ctx)
{
	struct http_call *call = ctx;
	const size_t all = len;

	while (len && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	call->header_bytes += all;
	call->window_bytes += all;
	if (call->header_bytes > HEADERS_MAX)
		call->err = ERR_UP_TOO_LARGE;
	if (call->dropped || call->err)
		return 0;
	if (call->first_us < 0)
		call->first_us = clock_us() - call->start_us;
	call_phase(call, PHASE_REPLY);
	if (call->told) /* trailers */
		return all;
	if (len > 5 && strncmp(line, "HTTP/", 5) == 0) {
		call->status = status_of(line, len);
		call->window_ms = call->phase_ms;
		call->window_bytes = 0;
	} else if (call->status >= 200 && len) {
		header_line(call, line, len);
	} else if (call->status >= 200) {
		call->told = true;
		http_headers_free(call->easy, &call->headers);
		if (call->events.status)
			call->events.status(call->owner, call->status);
	}
	return call->dropped ? 0 : all;
}

static size_t on_body(char *bytes, size_t one, size_t len, void *ctx)
{
	struct http_call *call = ctx;

	if (call->dropped || call->err)
		return 0;
	call->phase_ms = loop_now_ms(call->http->loop);
	call->body_bytes += len;
	call->window_bytes += len;
	if (call->body_bytes > call->limits.reply_max)
		call->err = ERR_UP_TOO_LARGE;
	else if (call->events.body)
		call->err = call->events.body(call->owner, bytes, len);
	return call->err || call->dropped ? 0 : len;
}

static curl_socket_t on_open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_call *call = ctx;
	const struct http_request *r = &call->limits;
	curl_socket_t fd;

	if (call->refused || (r->may_reach && !r->may_reach(r->policy, &address->addr))) {
		call->refused = true;
		return CURL_SOCKET_BAD;
	}
	fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
	if (fd >= 0)
		http_watches_opened(&call->http->watches, fd);
	return fd;
}

/* ---- what libcurl is asked for ---- */

void http_call_prepare(struct http_call *call)
{
	CURL *easy = call->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, call);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BYTES);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "longhaul");
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, call->why);
	curl_easy_setopt(easy, CURLOPT_PREREQFUNCTION, on_prereq);
	curl_easy_setopt(easy, CURLOPT_PREREQDATA, call);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, call);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, call);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, call);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, http_watches_close);
	curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, &call->http->watches);
}

void http_call_renew(struct http_call *call)
{
	call->err = ERR_OK;
	call->dropped = call->refused = call->told = false;
	call->status = 0;
	call->header_bytes = call->body_bytes = call->window_bytes = 0;
	call->start_us = clock_us();
	call->sent_us = 0;
	call->first_us = -1;
	call->why[0] = '\0';
	call_phase(call, PHASE_CONNECT);
}

enum err http_call_request(struct http_call *call, const struct http_request *r)
{
	CURL *easy = call->easy;
	const bool post = r->body || strcmp(r->method, "POST") == 0;

	call->headers = http_headers(r->headers);
	if (!call->headers || curl_easy_setopt(easy, CURLOPT_URL, r->url) != CURLE_OK)
		return ERR_NOMEM;
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->headers);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, r->https_only ? "https" : "http,https");
	if (post) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDS, r->body ? r->body : "");
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
	} else {
		curl_easy_setopt(easy, CURLOPT_HTTPGET, 1L);
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, r->method);
	curl_easy_setopt(easy, CURLOPT_FORBID_REUSE, r->may_reach ? 1L : 0L);
	curl_easy_setopt(easy, CURLOPT_FRESH_CONNECT, r->may_reach ? 1L : 0L);
	return ERR_OK;
}

/* ---- how it ends ---- */

enum err http_call_overdue(struct http_call *call, int64_t now)
{
	const struct http_request *r = &call->limits;
	const int64_t silent = now - call->phase_ms;

	if (r->total_ms && now - call->start_us / 1000 > r->total_ms)
		return ERR_ATTEMPT_TIMEOUT;
	if (call->phase == PHASE_CONNECT)
		return r->connect_ms && silent > r->connect_ms ? ERR_UP_CONNECT : ERR_OK;
	if (call->phase == PHASE_SENT)
		return r->first_byte_ms && silent > r->first_byte_ms ? ERR_UP_FIRST_BYTE : ERR_OK;
	if (r->idle_ms && silent > r->idle_ms)
		return ERR_UP_STALLED;
	if (!r->slow_window_ms || call->status < 200 || now - call->window_ms < r->slow_window_ms)
		return ERR_OK;
	if (call->window_bytes < r->slow_bytes)
		return ERR_UP_STALLED;
	call->window_bytes = 0;
	call->window_ms = now;
	return ERR_OK;
}

enum err http_call_outcome(const struct http_call *call, CURLcode code)
{
	enum err known;

	if (call->refused)
		return ERR_FORBIDDEN;
	if (call->err)
		return call->err;
	if (code == CURLE_OK)
		return ERR_OK;
	known = http_shard_err(code);
	if (known == ERR_INVALID_FIELD && call->phase != PHASE_CONNECT)
		known = ERR_UP_MALFORMED; /* what came back is no HTTP: not our url's fault */
	if (known)
		return known;
	if (code == CURLE_OPERATION_TIMEDOUT || call->phase == PHASE_CONNECT)
		return ERR_UP_CONNECT;
	return ERR_UP_TRUNCATED;
}
