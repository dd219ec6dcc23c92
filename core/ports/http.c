#include "ports/http.h"

#include "ground/clock.h"
#include "ground/ring.h"
#include "ports/http_shard.h"

#include <curl/curl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	POOL_MAX = 1024,
	SWEEP_MS = 250,
	RECEIVE_BYTES = 1024, /* each busy stream owns one of these */
	REPLY_MAX_DEFAULT = 16 << 20,
	HEADERS_MAX = 256 << 10 /* of one reply, trailers and all */
};

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

static struct http_call *ring_call(const struct ring *ring)
{
	return ring_empty(ring) ? NULL : RING_OF(ring->next, struct http_call, link);
}

/* ---- what libcurl tells a call ---- */

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

static size_t on_header(char *line, size_t one, size_t len, void *ctx)
{
	struct http_call *call = ctx;
	const size_t all = len;

	while (len && (line[len - 1] == '\r' || line[len - 1] == '\n'))
		len--;
	call->header_bytes += all;
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
		const char *space = memchr(line, ' ', len);

		call->status = space ? atoi(space + 1) : 0;
	} else if (call->status >= 200 && len) {
		header_line(call, line, len);
	} else if (call->status >= 200) {
		call->told = true;
		http_headers_free(call->easy, &call->headers);
		call->window_ms = call->phase_ms;
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

/* ---- how a call ends ---- */

static enum err call_outcome(const struct http_call *call, CURLcode code)
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

static void call_free(struct http_call *call)
{
	curl_easy_cleanup(call->easy);
	curl_slist_free_all(call->headers);
	free(call);
}

/* Takes the call out of its multi; a transfer under way loses its socket. */
static void call_release(struct http_call *call)
{
	struct http *http = call->http;

	curl_multi_remove_handle(call->shard->multi, call->easy);
	call->shard->calls--;
	http->active_n--;
	http_headers_free(call->easy, &call->headers);
	ring_join(&http->pool, &call->link);
	if (++http->pooled_n > POOL_MAX) {
		http->pooled_n--;
		ring_leave(&call->link);
		call_free(call);
	}
}

static void call_end(struct http_call *call, CURLcode code)
{
	const struct http_events events = call->events;
	void *owner = call->owner;
	const bool tell = !call->dropped;
	const int64_t now = clock_us();
	char why[CURL_ERROR_SIZE];
	struct http_end end = {
		.err = call_outcome(call, code),
		.status = call->told ? call->status : 0,
		.body_bytes = call->body_bytes,
		.first_us = call->first_us,
		.total_us = now - call->start_us,
		.why = why,
	};

	end.connect_us = call->sent_us ? call->sent_us - call->start_us : 0;
	memcpy(why, call->why, sizeof(why));
	if (call->err) /* ours, not libcurl's: its words would only say that we stopped */
		why[0] = '\0';
	else if (code != CURLE_OK && !why[0])
		strncpy(why, curl_easy_strerror(code), sizeof(why) - 1);
	call_release(call);
	if (tell)
		events.end(owner, &end);
}

static void on_shard_end(CURL *easy, CURLcode code)
{
	struct http_call *call = NULL;

	curl_easy_getinfo(easy, CURLINFO_PRIVATE, (char **)&call);
	call_end(call, code);
}

static void on_shard_settle(struct http_shard *shard)
{
	struct http_call *call;

	while ((call = ring_call(&shard->doomed)))
		call_release(call);
}

static enum err shard_add(struct http *http, struct http_shard **ret_shard)
{
	struct http_shard *shard;
	enum err e;

	if (http->n_shards == http->max_shards)
		return ERR_UNAVAILABLE;
	e = http_shard_new(http->loop, &http->watches, &shard);
	if (e)
		return e;
	shard->on_end = on_shard_end;
	shard->on_settle = on_shard_settle;
	http->shards[http->n_shards++] = shard;
	*ret_shard = shard;
	return ERR_OK;
}

/* The first with room: kept connections are found where the load is. */
static enum err shard_pick(struct http *http, struct http_shard **ret_shard)
{
	for (size_t i = 0; i < http->n_shards; i++) {
		if (http->shards[i]->busy || http->shards[i]->calls >= HTTP_SHARD_CALLS)
			continue;
		*ret_shard = http->shards[i];
		return ERR_OK;
	}
	return shard_add(http, ret_shard);
}

/* ---- deadlines ---- */

static enum err call_overdue(struct http_call *call, int64_t now)
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
	if (!r->slow_window_ms || !call->told || now - call->window_ms < r->slow_window_ms)
		return ERR_OK;
	if (call->window_bytes < r->slow_bytes)
		return ERR_UP_STALLED;
	call->window_bytes = 0;
	call->window_ms = now;
	return ERR_OK;
}

static void on_sweep(void *owner)
{
	struct http *http = owner;
	const int64_t now = loop_now_ms(http->loop);
	struct ring *l, *next;
	struct http_call *call;

	/* Two passes: a callback may cancel any other call, which then leaves its ring. */
	for (l = http->active.next; l != &http->active; l = next) {
		next = l->next;
		call = RING_OF(l, struct http_call, link);
		call->err = call_overdue(call, now);
		if (call->err)
			ring_join(&http->overdue, l);
	}
	while ((call = ring_call(&http->overdue)))
		call_end(call, CURLE_OPERATION_TIMEDOUT);
	if (http->active_n)
		loop_timer_start(http->sweep, SWEEP_MS);
}

/* ---- calls ---- */

/* What is the same for every call; a pooled handle keeps it. */
static void easy_prepare(CURL *easy, struct http_call *call)
{
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

static struct http_call *call_pooled(struct http *http)
{
	struct http_call *call = ring_call(&http->pool);

	if (call) {
		http->pooled_n--;
		return call;
	}
	call = calloc(1, sizeof(*call));
	if (!call)
		return NULL;
	call->easy = curl_easy_init();
	if (!call->easy) {
		free(call);
		return NULL;
	}
	call->http = http;
	easy_prepare(call->easy, call);
	ring_join(&http->pool, &call->link); /* until it is active */
	return call;
}

static enum err call_request(struct http_call *call, const struct http_request *r)
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

/* A pooled call remembers the one before. */
static void call_renew(struct http_call *call)
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

enum err http_start(struct http *http, const struct http_request *request,
	const struct http_events *events, void *owner, struct http_call **ret_call)
{
	struct http_shard *shard = NULL;
	struct http_call *call;
	enum err e;

	if (http->active_n >= http->max_calls)
		return ERR_UNAVAILABLE;
	e = shard_pick(http, &shard);
	if (e)
		return e;
	call = call_pooled(http);
	if (!call)
		return ERR_NOMEM;
	ring_join(&http->active, &call->link);
	call->shard = shard;
	call->events = *events;
	call->owner = owner;
	call->limits = *request;
	if (!call->limits.reply_max)
		call->limits.reply_max = REPLY_MAX_DEFAULT;
	call_renew(call);
	shard->calls++;
	http->active_n++;
	e = call_request(call, request);
	if (!e && curl_multi_add_handle(shard->multi, call->easy) != CURLM_OK)
		e = ERR_NOMEM;
	if (e) {
		call_release(call);
		return e;
	}
	if (!loop_timer_active(http->sweep))
		loop_timer_start(http->sweep, SWEEP_MS);
	*ret_call = call;
	return ERR_OK;
}

void http_cancel(struct http_call *call)
{
	call->dropped = true;
	if (call->shard->busy)
		ring_join(&call->shard->doomed, &call->link);
	else
		call_release(call);
}

size_t http_active(const struct http *http)
{
	return http->active_n;
}

enum err http_new(struct loop *loop, size_t max_calls, struct http **ret_http)
{
	struct http *http = calloc(1, sizeof(*http));

	if (!http)
		return ERR_NOMEM;
	curl_global_init(CURL_GLOBAL_DEFAULT);
	http->loop = loop;
	http->max_calls = max_calls;
	http->max_shards = max_calls / HTTP_SHARD_CALLS + 2;
	ring_init(&http->active);
	ring_init(&http->overdue);
	ring_init(&http->pool);
	http->shards = calloc(http->max_shards, sizeof(struct http_shard *));
	if (!http->shards || loop_timer_new(loop, on_sweep, http, &http->sweep) != ERR_OK) {
		free(http->shards);
		free(http);
		return ERR_NOMEM;
	}
	*ret_http = http;
	return ERR_OK;
}

void http_free(struct http *http)
{
	struct http_call *call;

	if (!http)
		return;
	while ((call = ring_call(&http->active)))
		call_release(call);
	while ((call = ring_call(&http->pool))) {
		ring_leave(&call->link);
		call_free(call);
	}
	for (size_t i = 0; i < http->n_shards; i++)
		http_shard_free(http->shards[i]);
	http_watches_clear(&http->watches);
	loop_timer_free(http->sweep);
	free(http->shards);
	free(http);
}
