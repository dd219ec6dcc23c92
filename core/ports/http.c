#include "ports/http.h"

#include "ground/clock.h"
#include "ports/http_inside.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
	POOL_MAX = 1024,
	SWEEP_MS = 250,
	REPLY_MAX_DEFAULT = 16 << 20,
};

static struct http_call *ring_call(const struct ring *ring)
{
	return ring_empty(ring) ? NULL : RING_OF(ring->next, struct http_call, link);
}

/* ---- how a call ends ---- */

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
		.err = http_call_outcome(call, code),
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
		call->err = http_call_overdue(call, now);
		if (call->err)
			ring_join(&http->overdue, l);
	}
	while ((call = ring_call(&http->overdue)))
		call_end(call, CURLE_OPERATION_TIMEDOUT);
	if (http->active_n)
		loop_timer_start(http->sweep, SWEEP_MS);
}

/* ---- calls ---- */

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
	http_call_prepare(call);
	ring_join(&http->pool, &call->link); /* until it is active */
	return call;
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
	http_call_renew(call);
	shard->calls++;
	http->active_n++;
	e = http_call_request(call, request);
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

/* Counted when it was written to the socket: what libcurl still reads is not among it. */
bool http_body_sent(const struct http_call *call)
{
	curl_off_t sent = 0;

	return call->told &&
	       curl_easy_getinfo(call->easy, CURLINFO_SIZE_UPLOAD_T, &sent) == CURLE_OK &&
	       (size_t)sent >= call->limits.body_len;
}

void http_cancel(struct http_call *call)
{
	call->dropped = true;
	if (call->shard->busy)
		ring_join(&call->shard->doomed, &call->link);
	else
		call_release(call);
}

bool http_header_is(const char *name, size_t len, const char *wanted)
{
	return len == strlen(wanted) && strncasecmp(name, wanted, len) == 0;
}

bool http_succeeded(int status)
{
	return status >= 200 && status < 300;
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
