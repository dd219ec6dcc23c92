#include "simulator/answer.h"

#include "ground/clock.h"
#include "simulator/mischief.h"
#include "simulator/summary.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = 256 << 20, BURST_MAX = 64 << 10, EXTRA_MAX = 320, TOKENS_MAX = 10000000 };

enum { RATES_MAX = 256, FREE_REQUESTS = 100000, FREE_TOKENS = 100000000 };
static const char stream_head[] = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
				  "Cache-Control: no-cache\r\nTransfer-Encoding: chunked\r\n";
static const char stream_tail[] = "0\r\n\r\n";

static void outcome_set(struct server *s, struct answer *a, enum outcome outcome, int status)
{
	struct received_call *call = calls_get(s->calls, a->call);

	if (!call)
		return;
	call->outcome = (uint8_t)outcome;
	call->status = (uint16_t)status;
	call->ended_us = calls_now_us();
	call->tokens = a->reply.text.sent;
}

void answer_free(struct server *s, struct answer *a, bool hung_up)
{
	struct received_call *call = a ? calls_get(s->calls, a->call) : NULL;

	if (!a)
		return;
	if (call && hung_up) {
		call->hung_up = 1;
		call->ended_us = calls_now_us();
		call->tokens = a->reply.text.sent;
		if (call->outcome == OUTCOME_open)
			call->outcome = OUTCOME_left;
	}
	timers_unset(&s->timers, &a->timer);
	text_clear(&a->reply.text);
	ask_clear(&a->reply.ask);
	buf_clear(&a->dripping);
	free(a);
}

/* All bytes of a reply pass here; a dripping one keeps them for its timer. */
static void emit(struct answer *a, const void *bytes, size_t len)
{
	if (a->reply.ask.how.drip <= 0)
		conn_send(a->conn, bytes, len);
	else if (buf_append(&a->dripping, bytes, len) != ERR_OK)
		a->conn->gone = true;
}

/* Whoever called the step looks for the next request; here its bytes may be in use. */
static void finish(struct server *s, struct answer *a)
{
	a->conn->answer = NULL;
	answer_free(s, a, false);
}

static void wait_us(struct server *s, struct answer *a, int64_t from_us, int64_t wait)
{
	if (timers_set(&s->timers, &a->timer, from_us + wait) != ERR_OK)
		a->conn->gone = true;
}

void answer_again(struct server *s, struct answer *a)
{
	wait_us(s, a, clock_us(), 0);
}

/* What drips is let drip first. */
void answer_end(struct server *s, struct answer *a, enum outcome outcome, int status)
{
	outcome_set(s, a, outcome, status);
	a->headed = true;
	if (outcome == OUTCOME_truncated)
		a->conn->closing = true;
	if (a->dripping.len == 0)
		finish(s, a);
	else
		wait_us(s, a, clock_us(), 0);
}

static void send_refusal(struct server *s, struct answer *a)
{
	const struct behaviour *how = &a->reply.ask.how;
	int status = (int)how->fail;
	char extra[EXTRA_MAX] = "";

	if (status < 200) {
		a->conn->closing = true;
		answer_end(s, a, OUTCOME_failed, 0);
		return;
	}
	if (how->retry_after >= 0)
		snprintf(extra, sizeof(extra), "Retry-After: %.0f\r\n", how->retry_after);
	buf_reset(&s->scratch);
	a->dialect->refuse(status,
		how->quota > 0	 ? "insufficient_quota"
		: how->block > 0 ? "content_filter"
				 : NULL,
		"refused, as the model's name asked", &s->scratch);
	conn_reply(s, a->conn, status, extra, &s->scratch);
	answer_end(s, a, OUTCOME_failed, status);
}

/* What is left of the quota, or a lot where there is none. */
static void rate_headers(const struct answer *a, char out[RATES_MAX])
{
	const struct behaviour *how = &a->reply.ask.how;
	const bool requests = a->left.requests >= 0, tokens = a->left.tokens >= 0;

	snprintf(out, RATES_MAX,
		"x-ratelimit-limit-requests: %.0f\r\nx-ratelimit-remaining-requests: %.0f\r\n"
		"x-ratelimit-limit-tokens: %.0f\r\nx-ratelimit-remaining-tokens: %.0f\r\n",
		requests ? how->rpm : FREE_REQUESTS,
		requests ? a->left.requests : FREE_REQUESTS - 1, tokens ? how->tpm : FREE_TOKENS,
		tokens ? a->left.tokens : FREE_TOKENS - 1);
}

/* The head of a whole body; a truncated one promises bytes that never come. */
static void whole_head(struct answer *a, size_t len)
{
	char head[EXTRA_MAX + RATES_MAX], rates[RATES_MAX];
	int n;

	rate_headers(a, rates);
	n = snprintf(head, sizeof(head),
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nx-request-id: sim-%016llx\r\n"
		"%s%sContent-Length: %zu\r\n\r\n",
		(unsigned long long)a->reply.id, rates,
		a->conn->closing ? "Connection: close\r\n" : "", len);

	emit(a, head, (size_t)n);
}

/* An error in a body that calls itself a success. */
static void send_false_success(struct server *s, struct answer *a)
{
	buf_reset(&s->scratch);
	a->dialect->refuse(500, NULL, "failed inside of a success", &s->scratch);
	whole_head(a, s->scratch.len);
	emit(a, s->scratch.bytes, s->scratch.len);
	answer_end(s, a, OUTCOME_failed, 200);
}

static void send_whole(struct server *s, struct answer *a)
{
	const struct behaviour *how = &a->reply.ask.how;
	bool cut = how->truncate >= 0 || how->malformed > 0;

	if (how->error_after >= 0) {
		send_false_success(s, a);
		return;
	}
	enum outcome outcome = how->truncate >= 0   ? OUTCOME_truncated
			       : how->malformed > 0 ? OUTCOME_malformed
						    : OUTCOME_completed;
	buf_reset(&s->scratch);
	if (a->dialect->whole(&a->reply, &s->scratch) != ERR_OK) {
		a->conn->gone = true;
		return;
	}
	size_t len = cut ? s->scratch.len / 2 : s->scratch.len;
	a->reply.text.sent = a->reply.text.tokens;
	whole_head(a, how->truncate >= 0 ? s->scratch.len : len);
	emit(a, s->scratch.bytes, len);
	answer_end(s, a, outcome, 200);
}

/* Sends events as one HTTP chunk. */
static void send_events(struct answer *a, const struct buf *events)
{
	char size[24];
	struct buf frame;

	if (events->len == 0)
		return;
	int n = snprintf(size, sizeof(size), "%zx\r\n", events->len);
	buf_init(&frame, BODY_MAX);
	buf_append(&frame, size, (size_t)n);
	buf_append(&frame, events->bytes, events->len);
	if (buf_text(&frame, "\r\n") == ERR_OK)
		emit(a, frame.bytes, frame.len);
	else
		a->conn->gone = true;
	buf_clear(&frame);
}

static void begin_stream(struct server *s, struct answer *a)
{
	char head[sizeof(stream_head) + RATES_MAX + EXTRA_MAX], rates[RATES_MAX];
	int n;

	rate_headers(a, rates);
	n = snprintf(head, sizeof(head), "%sx-request-id: sim-%016llx\r\n%s%s\r\n", stream_head,
		(unsigned long long)a->reply.id, rates,
		a->conn->closing ? "Connection: close\r\n" : "");

	struct received_call *call = calls_get(s->calls, a->call);

	if (call)
		call->first_us = calls_now_us();
	emit(a, head, (size_t)n);
	a->begun = true;
	a->dialect->begin(&a->reply, &s->scratch);
}

/* The tokens of the next chunk: none where the stream shall stop or break. */
static unsigned chunk_of(const struct answer *a)
{
	const struct behaviour *how = &a->reply.ask.how;
	unsigned sent = a->reply.text.sent;
	unsigned n = how->chunk_tokens > 1 ? (unsigned)how->chunk_tokens : 1;
	unsigned left = a->reply.text.tokens - sent;

	if (how->truncate >= 0 && how->truncate - sent < left)
		left = how->truncate > sent ? (unsigned)how->truncate - sent : 0;
	if (how->hang_after >= 0 && how->hang_after - sent < left)
		left = how->hang_after > sent ? (unsigned)how->hang_after - sent : 0;
	if (how->error_after >= 0 && how->error_after - sent < left)
		left = how->error_after > sent ? (unsigned)how->error_after - sent : 0;
	return n < left ? n : left;
}

static void emit_chunk(struct server *s, struct answer *a, unsigned n)
{
	struct buf piece;

	buf_init(&piece, BODY_MAX);
	if (a->reply.ask.how.stamp > 0)
		buf_printf(&piece, "~%016lld", (long long)calls_now_us());
	if (text_next(&a->reply.text, n, &piece) == ERR_OK)
		a->dialect->delta(&a->reply, &piece, &s->scratch);
	buf_clear(&piece);
}

/* Nothing more is to be said: the end as asked, or silence. */
static void stream_over(struct server *s, struct answer *a)
{
	const struct behaviour *how = &a->reply.ask.how;
	unsigned sent = a->reply.text.sent;
	enum outcome outcome = OUTCOME_completed;

	if (how->hang_after >= 0 && sent >= how->hang_after) {
		send_events(a, &s->scratch);
		outcome_set(s, a, OUTCOME_hung, 200);
		if (a->dripping.len > 0)
			wait_us(s, a, clock_us(), 0);
		return;
	}
	if (how->truncate >= 0 && sent >= how->truncate) {
		send_events(a, &s->scratch);
		answer_end(s, a, OUTCOME_truncated, 200);
		return;
	}
	if (how->malformed > 0)
		buf_text(&s->scratch, "data: {\"choices\":[{\"delta\":{\"content\":\n\n");
	if (how->bad_utf8 > 0)
		buf_text(&s->scratch, "data: {\"type\":\"\xff\xfe\",\"choices\":[]}\n\n");
	if (how->malformed > 0 || how->bad_utf8 > 0)
		outcome = OUTCOME_malformed;
	if (how->error_after >= 0 && sent >= how->error_after) {
		a->dialect->fail(&a->reply, "failed inside of a success", &s->scratch);
		outcome = OUTCOME_failed;
	} else {
		a->dialect->end(&a->reply, &s->scratch);
	}
	send_events(a, &s->scratch);
	emit(a, stream_tail, sizeof(stream_tail) - 1);
	answer_end(s, a, outcome, 200);
}

/* Says all that is due. Chunks without a wait between them leave in bursts. */
static void stream_step(struct server *s, struct answer *a)
{
	const struct behaviour *how = &a->reply.ask.how;
	int64_t due = a->timer.due_us;

	buf_reset(&s->scratch);
	if (!a->begun)
		begin_stream(s, a);
	for (;;) {
		const bool breaks = how->malformed > 0 || how->bad_utf8 > 0;
		unsigned n = breaks && a->reply.text.sent > 0 ? 0 : chunk_of(a);

		if (n == 0) {
			stream_over(s, a);
			return;
		}
		emit_chunk(s, a, n);
		int64_t wait = behaviour_wait_us(how, how->itl_ms * n, a->seed, a->waits++);
		if (wait > 0 || s->scratch.len > BURST_MAX) {
			send_events(a, &s->scratch);
			wait_us(s, a, due, wait);
			return;
		}
	}
}

static void drip_step(struct server *s, struct answer *a)
{
	conn_send(a->conn, a->dripping.bytes, 1);
	buf_skip(&a->dripping, 1);
	if (a->dripping.len > 0)
		wait_us(s, a, clock_us(), (int64_t)(a->reply.ask.how.drip * 1000));
	else if (a->headed)
		finish(s, a);
	else
		wait_us(s, a, clock_us(), 0);
}

void answer_step(struct server *s, struct answer *a)
{
	const struct behaviour *how = &a->reply.ask.how;

	if (conn_pending(a->conn) || a->timer.place != 0)
		return; /* comes again when the reader has taken it, or when due */
	if (a->dripping.len > 0) {
		drip_step(s, a);
		return;
	}
	if (how->fail > 0)
		send_refusal(s, a);
	else if (mischief_wanted(how))
		mischief_step(s, a);
	else if (a->reply.ask.stream)
		stream_step(s, a);
	else if (how->hang_after >= 0)
		outcome_set(s, a, OUTCOME_hung, 0);
	else
		send_whole(s, a);
}

/* A whole body waits for its last token, a stream only for its first. */
static int64_t first_wait(struct answer *a)
{
	const struct behaviour *how = &a->reply.ask.how;
	int64_t wait = behaviour_wait_us(how, how->ttft_ms, a->seed, a->waits++);
	unsigned tokens = a->reply.text.tokens;

	if (!a->reply.ask.stream && tokens > 1 && how->fail <= 0)
		wait += behaviour_wait_us(how, how->itl_ms * (tokens - 1), a->seed, a->waits++);
	return wait;
}

static enum err text_choose(struct reply *r)
{
	const struct behaviour *how = &r->ask.how;
	unsigned max = r->ask.max_tokens ? r->ask.max_tokens : TOKENS_MAX;
	unsigned all = (unsigned)how->tokens;
	struct buf kept;
	char *bytes = NULL;
	size_t len = 0;

	buf_init(&kept, BODY_MAX);
	enum err e = ERR_OK;
	if (how->tokens >= 0) {
		text_make(&r->text, r->id, all < max ? all : max);
	} else {
		e = summary_append(
			&kept, r->ask.prompt.bytes ? r->ask.prompt.bytes : "", r->ask.prompt.len);
		all = e == ERR_OK ? text_count(kept.bytes, kept.len) : 0;
		if (e == ERR_OK)
			e = buf_take(&kept, &bytes, &len);
		if (e == ERR_OK)
			text_keep(&r->text, bytes, len, max);
	}
	buf_clear(&kept);
	r->finish = how->filter > 0 ? FINISH_FILTER : all > max ? FINISH_LENGTH : FINISH_STOP;
	return e;
}

/* Which of the things asked for befall this call: the fault in force, its share, the counts. */
static void fate_choose(struct server *s, struct answer *a, const struct request *r)
{
	struct behaviour *how = &a->reply.ask.how;
	uint64_t key = r->job.len ? text_hash(r->job.at, r->job.len) : a->seed;
	double dice = (double)(behaviour_random(a->seed, a->call) >> 11) / (double)(1ull << 53);

	if (how->deny > 0 && r->key.len >= 3 && memcmp(r->key.at, "bad", 3) == 0)
		how->fail = 401;
	if (s->fault_until_us > clock_us())
		behaviour_overlay(how, &s->fault);
	if (how->share >= 0 && dice >= how->share)
		behaviour_spare(how);
	if (how->fail > 0 && how->fail_times >= 0 &&
		calls_refused(s->calls, key) >= (unsigned)how->fail_times)
		how->fail = -1;
}

/* Beyond the quota it is refused at once, with the time to come again in whole seconds. */
static void quota_check(struct server *s, struct answer *a)
{
	struct behaviour *how = &a->reply.ask.how;
	const double tokens = a->reply.ask.input_tokens + (double)a->reply.text.tokens;
	const uint64_t model = text_hash(a->reply.ask.model, strlen(a->reply.ask.model));

	if (how->fail > 0 || quotas_pass(&s->quotas, model, how, tokens, clock_us(), &a->left))
		return;
	how->fail = 429;
	how->ttft_ms = 0;
	if (how->retry_after < 0)
		how->retry_after = ceil((double)a->left.wait_ms / 1000);
}

static void answer_invalid(struct server *s, struct conn *c, const struct dialect *d, enum err e)
{
	const struct problem *p = &s->problems.list[0];
	char message[sizeof(*p) + 8];

	snprintf(message, sizeof(message), "%s %s", s->problems.n ? p->pointer : "",
		s->problems.n ? p->detail : err_text(e));
	buf_reset(&s->scratch);
	d->refuse(err_http(e) == 422 ? 400 : err_http(e), NULL, message, &s->scratch);
	conn_reply(s, c, err_http(e) == 422 ? 400 : err_http(e), NULL, &s->scratch);
}

static struct answer *answer_new(struct conn *c, const struct dialect *d, struct ask *ask_take)
{
	struct answer *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->conn = c;
	a->dialect = d;
	a->reply.ask = *ask_take;
	memset(ask_take, 0, sizeof(*ask_take));
	a->reply.ask.stream = a->reply.ask.stream && d->begin;
	a->seed = text_hash(a->reply.ask.prompt.bytes, a->reply.ask.prompt.len);
	if (a->reply.ask.how.seed > 0)
		a->seed ^= behaviour_random((uint64_t)a->reply.ask.how.seed, 0);
	a->reply.id = behaviour_random(a->seed, UINT64_MAX / 2);
	a->reply.created_s = clock_record_ms() / 1000;
	a->left = (struct quota_left){-1, -1, 0};
	buf_init(&a->dripping, BODY_MAX);
	return a;
}

void answer_start(
	struct server *s, struct conn *c, const struct dialect *d, const struct request *r)
{
	struct ask ask = {0};
	struct answer *a = NULL;

	s->problems.n = s->problems.total = 0;
	enum err e = ask_read(r->body.at, r->body.len, &s->problems, &ask);
	uint64_t call = calls_begin(s->calls, r, ask.model ? ask.model : "");
	if (e == ERR_OK && !(a = answer_new(c, d, &ask)))
		e = ERR_NOMEM;
	if (e == ERR_OK)
		e = text_choose(&a->reply);
	if (e != ERR_OK) {
		calls_get(s->calls, call)->outcome = OUTCOME_invalid;
		calls_get(s->calls, call)->status = 400;
		answer_invalid(s, c, d, e);
		goto out;
	}
	if (d->begin)
		buf_clear(&a->reply.ask.prompt); /* a long stream need not hold its prompt */
	c->answer = a;
	a->call = call;
	fate_choose(s, a, r);
	quota_check(s, a);
	a->timer.due_us = clock_us() + first_wait(a);
	if (a->timer.due_us > clock_us())
		wait_us(s, a, a->timer.due_us, 0);
	else
		answer_step(s, a);
	a = NULL;
out:
	ask_clear(&ask);
	answer_free(s, a, false);
}
