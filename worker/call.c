#include "call.h"

#include "domain/retry.h"
#include "domain/usage.h"
#include "domain/verdict.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "job.h"
#include "live.h"
#include "memory.h"
#include "stop_point.h"
#include "upstreams/outcome.h"
#include "upstreams/upstream.h"
#include "upstreams/upstream_request.h"
#include "work.h"
#include "worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { URL_ROOM = 4096, BODY_EXTRA = 256 };

const struct buf *call_text(const struct model_call *call)
{
	return reply_text(&call->reply);
}

/* ---- what the model writes goes through the moderator, and only there ---- */

static enum err on_text(void *owner, int choice, const char *text, size_t len, struct buf *kept)
{
	struct job *job = owner;
	struct released *released = job->worker->released;
	enum err e;

	released_reset(released);
	e = verdict_feed(job->call->verdict, text, len, released);
	if (!e)
		e = buf_append(kept, released_bytes(released), released_len(released));
	if (e)
		return e;
	if (choice == 0)
		live_touch(job->worker->live, job);
	return ERR_OK;
}

static size_t words_max(const struct job *job)
{
	return (size_t)job->worker->config->limits.upstream_message_bytes;
}

/* ---- what the transfer tells; each touches foreign data, so the note names the job ---- */

static void on_sent(void *owner)
{
	struct job *job = owner;

	job->call->sent = true;
}

/* Parameters may follow. */
static bool is_event_stream(const char *type, size_t len)
{
	static const char word[] = "text/event-stream";

	return len >= sizeof(word) - 1 && strncasecmp(type, word, sizeof(word) - 1) == 0;
}

static void on_header(void *owner, const char *name, size_t name_len, const char *value, size_t len)
{
	struct job *job = owner;

	if (http_header_is(name, name_len, "Content-Type"))
		job->call->event_stream = is_event_stream(value, len);
	else if (http_header_is(name, name_len, "Retry-After"))
		job->call->retry_after_ms = retry_after_parse(value, len, clock_record_ms());
	else
		rate_headers_read(&job->call->rates, name, name_len, value, len, clock_record_ms());
}

/* An upstream may answer before it has read all: then the input stays while it is sent. */
static void input_let_go(struct job *job)
{
	if (job->input.len && http_body_sent(job->call->http))
		buf_clear(&job->input);
}

static void on_status(void *owner, int status)
{
	struct job *job = owner;

	job->first_us = clock_us();
	job->call->status = status;
	permit_answered(job->worker->permits, &job->permit, status);
	reply_begin(&job->call->reply, status, job->call->event_stream);
	input_let_go(job);
}

static enum err on_body(void *owner, const char *bytes, size_t len)
{
	struct job *job = owner;
	struct crash_note_file *note = &job->worker->note;
	const unsigned before = loop_work(job->worker->loop, WORK_stream);
	enum err e;

	crash_note_enter(note, job->tenant, job->id, job->fence);
	stop_point(job, STOP_MID_STREAM);
	e = reply_feed(&job->call->reply, bytes, len);
	crash_note_leave(note);
	input_let_go(job);
	memory_weigh(job);
	loop_work(job->worker->loop, before);
	return e;
}

static void on_end(void *owner, const struct http_end *end)
{
	struct job *job = owner;
	struct model_call *call = job->call;

	call->http = NULL;
	call->ended = true;
	buf_clear(&job->input);
	ring_leave(&job->under_way.calling);
	call->err = call->reply.ended ? ERR_OK : end->err;
	job->replied_us = clock_us();
	if (end->err && end->why[0] && !call->reply.body.len)
		outcome_words(end->why, strlen(end->why), words_max(job), &job->words);
	stop_point(job, STOP_AFTER_REPLY);
	job_resume(job);
}

/* ---- the step ---- */

static const struct http_events events = {
	.sent = on_sent, .header = on_header, .status = on_status, .body = on_body, .end = on_end};

/* The caller's input becomes the request's body. */
static enum err call_body(struct job *job, const struct reply_kind *kind)
{
	const struct json_text input = {job->input.bytes ? job->input.bytes : "", job->input.len};
	struct buf body;
	enum err e;

	buf_init(&body, job->input.len + BODY_EXTRA +
				(job->called_model ? 6 * strlen(job->called_model) : 0));
	e = upstream_body(job->key->upstream, kind, job->called_model, input, &body);
	if (e) {
		buf_clear(&body);
		return e;
	}
	buf_clear(&job->input);
	job->input = body;
	job->asked_bytes = body.len;
	return ERR_OK;
}

static enum err call_send(struct job *job)
{
	const struct config_upstream *row = job->key->upstream->config;
	char id_header[ID_TEXT_MAX + 32], id_text[ID_TEXT_MAX];
	const char *headers[2 + UPSTREAM_HEADERS] = {"Content-Type: application/json", id_header};
	struct buf url;
	enum err e;

	id_format("job", job->id, id_text);
	snprintf(id_header, sizeof(id_header), "X-Client-Request-Id: %s", id_text);
	upstream_headers(job->key, headers + 2);
	buf_init(&url, URL_ROOM);
	e = upstream_url(job->key->upstream, job->kind->path, &url);
	if (!e) {
		const struct http_request request = {
			.method = "POST",
			.url = url.bytes,
			.headers = headers,
			.body = job->input.bytes,
			.body_len = job->input.len,
			.connect_ms = row->connect_timeout_ms,
			.first_byte_ms = row->first_byte_timeout_ms,
			.idle_ms = row->idle_timeout_ms,
			.slow_bytes = (size_t)row->slow_bytes,
			.slow_window_ms = row->slow_window_ms,
			.reply_max = (size_t)job->worker->config->limits.result_bytes,
		};

		e = http_start(job->worker->http, &request, &events, job, &job->call->http);
	}
	buf_clear(&url);
	if (!e)
		under_way_called(job);
	return e;
}

static enum err call_start(struct job *job)
{
	const struct reply_kind *kind = reply_kind_find(job->kind->name);
	enum err e;

	if (!kind)
		return ERR_UNKNOWN_KIND;
	e = call_body(job, kind);
	if (e)
		return e;
	job->call = calloc(1, sizeof(*job->call));
	if (!job->call)
		return ERR_NOMEM;
	rate_headers_init(&job->call->rates);
	reply_init(&job->call->reply, kind, (size_t)job->worker->config->limits.result_bytes);
	job->call->reply.filter = on_text;
	job->call->reply.owner = job;
	e = verdict_new(&job->call->verdict);
	if (e)
		return e;
	job->admitted_us = clock_us();
	stop_point(job, STOP_BEFORE_CALL);
	return call_send(job);
}

static enum err call_result(struct job *job)
{
	struct model_call *call = job->call;
	const struct buf *body = &call->reply.body;
	enum err e;

	if (call->err) {
		if (body->len)
			outcome_words(body->bytes, body->len, words_max(job), &job->words);
		return call->err;
	}
	if (!http_succeeded(call->status)) {
		outcome_words(body->bytes, body->len, words_max(job), &job->words);
		return outcome_of_status(call->status, body->bytes, body->len);
	}
	buf_init(&job->body, (size_t)job->worker->config->limits.result_bytes);
	e = reply_finish(&call->reply, &job->body);
	if (e && body->len)
		outcome_words(body->bytes, body->len, words_max(job), &job->words);
	return e;
}

/* Who reads the log learns which key was refused. */
static void call_failed(struct job *job, enum err e)
{
	const struct upstream_key *key = job->key;

	if (err_fate(e) == FATE_ELSEWHERE)
		log_warn("an upstream refused a key", LOG_TEXT("upstream", key->upstream->name),
			LOG_TEXT("key", key->label), LOG_ERR(e));
	job_fail(job, e);
}

/* A guess from the text that the model wrote, never more than it was allowed to write: what else
 * an upstream sends is nobody's output. */
static int64_t output_guess(const struct job *job, const struct reply *reply)
{
	const int64_t tokens = usage_estimate_tokens((int64_t)reply->written);

	return job->output_max > 0 && tokens > job->output_max ? job->output_max : tokens;
}

/* It was sent, and we did not wait for its first byte: the upstream works on it all the same. */
static bool is_given_up(const struct model_call *call)
{
	return call->sent && call->status == 0 &&
	       (call->cut || call->err == ERR_UP_FIRST_BYTE || call->err == ERR_UP_STALLED);
}

/* What the upstream counted; where a reply began, or was not waited for, and nothing was told, a
 * guess. A call that was refused, or that the upstream broke off unanswered, used nothing that
 * anybody could know. */
static void tokens_count(const struct job *job, const struct reply *reply, struct finish *end)
{
	const bool began = http_succeeded(job->call->status);

	end->input_tokens = reply->input_tokens;
	end->output_tokens = reply->output_tokens;
	end->estimated = (began || is_given_up(job->call)) &&
			 (reply->input_tokens < 0 || reply->output_tokens < 0);
	if (!end->estimated)
		return;
	if (reply->input_tokens < 0)
		end->input_tokens = usage_estimate_tokens((int64_t)job->asked_bytes);
	if (reply->output_tokens < 0)
		end->output_tokens = output_guess(job, reply);
}

/* What the call used, where the upstream said so. */
static void used(const struct model_call *call, struct permit_outcome *outcome)
{
	const struct reply *reply = &call->reply;

	if (reply->input_tokens < 0 || reply->output_tokens < 0)
		return;
	outcome->output_tokens = (double)reply->output_tokens;
	outcome->tokens = (double)(reply->input_tokens + reply->output_tokens);
}

/* What its payers are charged for: as the record will have it. */
static double booked(const struct job *job)
{
	struct finish end = {.input_tokens = 0};
	struct usage all;

	tokens_count(job, &job->call->reply, &end);
	all = usage_of(end.input_tokens, end.output_tokens, job->price);
	return (double)(all.input_tokens + all.output_tokens);
}

static void leave(struct job *job, enum err fared)
{
	const struct model_call *call = job->call;
	struct permit_outcome outcome = {.err = fared, .tokens = -1, .output_tokens = -1};

	if (call) {
		outcome.status = call->status;
		outcome.headers = &call->rates;
		outcome.retry_after_ms = call->retry_after_ms > 0 ? call->retry_after_ms : 0;
		used(call, &outcome);
		outcome.booked = booked(job);
	}
	permit_end(job->worker->permits, &job->permit, &outcome);
}

enum step_result step_call(struct job *job)
{
	enum err e = ERR_OK;

	if (job->kind->runner != KIND_RUNS_UPSTREAM)
		return STEP_NEXT;
	if (!job->call)
		e = call_start(job);
	if (!e && !job->call->ended)
		return STEP_WAIT;
	if (!e) {
		job->retry_after_ms = job->call->retry_after_ms > 0 ? job->call->retry_after_ms : 0;
		e = call_result(job);
	}
	if (e)
		call_failed(job, e);
	leave(job, job->error);
	return STEP_NEXT;
}

void call_cut(struct job *job)
{
	if (job->call && job->call->http) {
		http_cancel(job->call->http);
		job->call->http = NULL;
		job->call->ended = job->call->cut = true;
		ring_leave(&job->under_way.calling);
		job->replied_us = clock_us();
	}
	call_leave_upstream(job);
}

/* Without an error of its own the job was lost or dropped: that says nothing of the upstream. */
void call_leave_upstream(struct job *job)
{
	leave(job, job->error ? job->error : ERR_LOST);
}

void call_usage(const struct job *job, struct finish *end)
{
	struct usage used;

	if (!job->call || !job->key)
		return;
	end->upstream = job->key->upstream->name;
	end->key_label = job->key->header ? job->key->label : NULL;
	end->fallback = job->fallback_model != NULL;
	end->model = end->fallback ? job->fallback_model : job->model;
	if (job->called_model && end->model && strcmp(job->called_model, end->model) != 0)
		end->called_model = job->called_model;
	tokens_count(job, &job->call->reply, end);
	used = usage_of(end->input_tokens, end->output_tokens, job->price);
	end->input_tokens = used.input_tokens;
	end->output_tokens = used.output_tokens;
	end->cost_nano = used.cost_nano;
}

void call_free(struct model_call *call)
{
	if (!call)
		return;
	if (call->http)
		http_cancel(call->http);
	reply_clear(&call->reply);
	verdict_free(call->verdict);
	free(call);
}
