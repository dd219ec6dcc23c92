#include "client.h"

#include "problem.h"

#include "ground/digest.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

enum {
	CONNECT_MS = 5000,
	ANSWER_MS = 30000,
	STREAM_SILENCE_MS = 45000, /* three of the server's keep-alive comments */
	REPLY_MAX_BYTES = 256 << 20,
	REQUEST_MAX_BYTES = 64 << 20,
	JSON_DEPTH = 128,
	HEADERS_MAX = 6,
	URL_MAX_BYTES = 16 << 10,
};

static bool takes(const struct call *call, const char *option)
{
	return command_option(call->command, option, strlen(option)) != NULL;
}

/* The profile has the one key and the command asks with the other: with what it would not. */
static enum outcome say_no_key(
	const struct call *call, const struct profile *profile, enum client_side side)
{
	const bool has_own = takes(call, "own");
	const char *more = "";

	if (side == CLIENT_OPERATOR && has_own && *profile->api_key_file)
		more = ", or --own with the key of api_key_file";
	else if (side == CLIENT_JOBS && !has_own && takes(call, "tenant") &&
		 *profile->admin_key_file)
		more = ": an operator says --tenant NAME";
	return call_usage(call, "%s names no %s%s", profile->path,
		side == CLIENT_OPERATOR ? "admin_key_file: this needs an operator's key"
					: "api_key_file",
		more);
}

static enum outcome read_key(const struct call *call, const struct profile *profile,
	enum client_side side, struct client *client)
{
	bool for_operator = side == CLIENT_OPERATOR;
	const char *path = for_operator ? profile->admin_key_file : profile->api_key_file;
	struct secret key = {NULL, 0};
	struct buf why;
	enum outcome outcome = OUTCOME_OK;

	if (!*path)
		return say_no_key(call, profile, side);
	buf_init(&why, 1024);
	if (secret_read(path, &why, &key) != ERR_OK)
		outcome = call_usage(call, "%s", why.bytes ? why.bytes : "out of memory");
	else if (strcspn(key.bytes, "\r\n \t") != key.len || key.len == 0)
		outcome = call_usage(call, "%s does not hold one key and nothing else", path);
	else if (asprintf(&client->authorization, "Authorization: Bearer %s", key.bytes) < 0) {
		client->authorization = NULL;
		outcome = call_fail(call, OUTCOME_FAILED, "out of memory");
	}
	secret_clear(&key);
	buf_clear(&why);
	return outcome;
}

enum outcome client_open(const struct call *call, enum client_side side, struct client *ret)
{
	enum outcome outcome;

	memset(ret, 0, sizeof(*ret));
	ret->call = call;
	outcome = profile_read(call, &ret->profile);
	if (outcome == OUTCOME_OK)
		outcome = read_key(call, &ret->profile, side, ret);
	if (outcome != OUTCOME_OK)
		return outcome;
	ret->base = side == CLIENT_OPERATOR ? ret->profile.admin_url : ret->profile.url;
	if (loop_new(&ret->loop) != ERR_OK || http_new(ret->loop, 1, &ret->http) != ERR_OK)
		return call_fail(call, OUTCOME_FAILED, "out of memory");
	return OUTCOME_OK;
}

void client_clear(struct client *client)
{
	http_free(client->http);
	loop_free(client->loop);
	if (client->authorization)
		digest_wipe(client->authorization, strlen(client->authorization));
	free(client->authorization);
	client->authorization = NULL;
	client->http = NULL;
	client->loop = NULL;
}

/* One request under way. */
struct exchange {
	struct loop *loop;
	struct reply *reply;
	client_bytes_fn *bytes; /* for a stream's 200, else NULL */
	void *owner;
	int64_t limit_ms; /* the whole exchange is cut after it; 0 = none */
	struct http_call *call;
	bool late;
	enum err err;
};

static bool is_header(const char *name, size_t name_len, const char *wanted)
{
	return strlen(wanted) == name_len && strncasecmp(name, wanted, name_len) == 0;
}

static void on_header(void *owner, const char *name, size_t name_len, const char *value, size_t len)
{
	struct reply *reply = ((struct exchange *)owner)->reply;

	if (is_header(name, name_len, "retry-after"))
		for (size_t i = 0; i < len && i < 6 && value[i] >= '0' && value[i] <= '9'; i++)
			reply->retry_after_s = reply->retry_after_s * 10 + (value[i] - '0');
	if (is_header(name, name_len, "idempotent-replayed"))
		reply->replayed = true;
}

static void on_sent(void *owner)
{
	((struct exchange *)owner)->reply->sent = true;
}

static void on_status(void *owner, int status)
{
	((struct exchange *)owner)->reply->status = status;
}

static enum err on_body(void *owner, const char *bytes, size_t len)
{
	struct exchange *exchange = owner;

	if (exchange->bytes && exchange->reply->status == 200)
		return exchange->bytes(exchange->owner, bytes, len);
	return buf_append(&exchange->reply->body, bytes, len);
}

static void on_end(void *owner, const struct http_end *end)
{
	struct exchange *exchange = owner;

	exchange->err = end->err;
	exchange->call = NULL;
	snprintf(
		exchange->reply->why, sizeof(exchange->reply->why), "%s", end->why ? end->why : "");
	loop_stop(exchange->loop);
}

static void on_limit(void *owner)
{
	struct exchange *exchange = owner;

	exchange->late = true;
	exchange->err = ERR_DEADLINE;
	if (exchange->call)
		http_cancel(exchange->call);
	exchange->call = NULL;
	loop_stop(exchange->loop);
}

static const struct http_events events = {
	.sent = on_sent, .header = on_header, .status = on_status, .body = on_body, .end = on_end};

static void put_headers(const struct client *client, const struct question *question,
	const char *headers[HEADERS_MAX])
{
	size_t n = 0;

	headers[n++] = client->authorization;
	if (question->json)
		headers[n++] = "Content-Type: application/json";
	else if (question->body)
		headers[n++] = "Content-Type: application/x-ndjson";
	if (question->header)
		headers[n++] = question->header;
	headers[n++] = "User-Agent: longhaul-cli";
	headers[n] = NULL;
}

/* Turns the loop until the exchange's end, or its limit. */
static enum err turn(struct client *client, struct exchange *exchange)
{
	struct loop_timer *timer = NULL;

	if (exchange->limit_ms > 0) {
		if (loop_timer_new(client->loop, on_limit, exchange, &timer) != ERR_OK)
			return ERR_NOMEM;
		loop_timer_start(timer, exchange->limit_ms);
	}
	loop_run(client->loop);
	loop_timer_free(timer);
	return exchange->err;
}

/* Runs one exchange to its end. exchange->err tells the transport's outcome. */
static enum err run(
	struct client *client, const struct question *question, struct exchange *exchange)
{
	const char *headers[HEADERS_MAX];
	struct http_request request = {.method = question->method,
		.headers = headers,
		.body = question->body,
		.body_len = question->body_len,
		.connect_ms = CONNECT_MS,
		.first_byte_ms = ANSWER_MS + question->patience_ms,
		.idle_ms = exchange->bytes ? STREAM_SILENCE_MS : ANSWER_MS + question->patience_ms,
		.reply_max = REPLY_MAX_BYTES};
	struct buf url, body;
	enum err e;

	buf_init(&url, URL_MAX_BYTES);
	buf_init(&body, REQUEST_MAX_BYTES);
	put_headers(client, question, headers);
	e = buf_printf(&url, "%s%s", client->base, question->path);
	if (e == ERR_OK && question->json)
		e = json_write(question->json, &body);
	if (question->json) {
		request.body = body.bytes;
		request.body_len = body.len;
	}
	request.url = url.bytes;
	if (e == ERR_OK)
		e = http_start(client->http, &request, &events, exchange, &exchange->call);
	if (e == ERR_OK)
		e = turn(client, exchange);
	buf_clear(&url);
	buf_clear(&body);
	return e;
}

static void reply_init(struct reply *reply)
{
	memset(reply, 0, sizeof(*reply));
	buf_init(&reply->body, REPLY_MAX_BYTES);
}

void reply_clear(struct reply *reply)
{
	buf_clear(&reply->body);
	json_decref(reply->json);
	reply->json = NULL;
}

static void parse(struct reply *reply)
{
	struct problems problems = {.n = 0};

	if (reply->body.len > 0 && reply->body.bytes[0] != '\0')
		if (json_read(reply->body.bytes, reply->body.len, JSON_DEPTH, &problems,
			    &reply->json) != ERR_OK)
			reply->json = NULL;
}

static bool is_success(int status)
{
	return (status >= 200 && status < 300) || status == 304;
}

/* The operators' calls are served at an address of their own. */
static void hint(const struct client *client, const struct reply *reply)
{
	const char *detail = json_string_value(json_object_get(reply->json, "detail"));

	if (client->base == client->profile.admin_url && reply->status == 404 && detail &&
		strcmp(detail, "nothing is served at this path") == 0)
		fprintf(client->call->err,
			"  %s is not the operators' address: see admin_url in %s\n", client->base,
			client->profile.path);
}

void client_complain(const struct client *client, const struct reply *reply)
{
	if (reply->whole) {
		problem_say(client->call, reply->status, reply->json, reply->retry_after_s);
		hint(client, reply);
	} else
		call_fail(client->call, OUTCOME_UNAVAILABLE, "%s did not answer%s%s%s",
			client->base, *reply->why ? " (" : "", reply->why, *reply->why ? ")" : "");
}

static enum outcome judge(struct client *client, bool quiet, const struct reply *reply)
{
	const char *code = json_string_value(json_object_get(reply->json, "code"));

	if (reply->whole && is_success(reply->status))
		return OUTCOME_OK;
	if (!quiet)
		client_complain(client, reply);
	return reply->whole ? outcome_from_refusal(reply->status, code) : OUTCOME_UNAVAILABLE;
}

enum outcome client_ask(struct client *client, const struct question *question, struct reply *ret)
{
	struct exchange exchange = {.loop = client->loop, .reply = ret};

	reply_init(ret);
	ret->whole = run(client, question, &exchange) == ERR_OK;
	if (!question->body || !is_success(ret->status))
		parse(ret);
	return judge(client, question->quiet, ret);
}

enum outcome client_get(struct client *client, const char *path, json_t **ret_json)
{
	struct reply reply;
	enum outcome outcome =
		client_ask(client, &(struct question){.method = "GET", .path = path}, &reply);

	if (outcome == OUTCOME_OK && !json_is_object(reply.json))
		outcome = call_fail(client->call, OUTCOME_UNAVAILABLE,
			"%s did not answer as longhaul does", client->base);
	if (outcome == OUTCOME_OK)
		*ret_json = json_incref(reply.json);
	reply_clear(&reply);
	return outcome;
}

enum outcome client_stream(struct client *client, const struct client_stream *stream)
{
	struct question question = {
		.method = "GET", .path = stream->path, .header = stream->header};
	struct reply reply;
	struct exchange exchange = {.loop = client->loop,
		.reply = &reply,
		.bytes = stream->bytes,
		.owner = stream->owner,
		.limit_ms = stream->limit_ms};
	enum outcome outcome;
	bool again;

	reply_init(&reply);
	reply.whole = run(client, &question, &exchange) == ERR_OK;
	parse(&reply);
	again = !reply.whole || outcome_from_status(reply.status) == OUTCOME_UNAVAILABLE;
	outcome = exchange.late ? OUTCOME_TIMEOUT : judge(client, again, &reply);
	reply_clear(&reply);
	return outcome;
}

void client_pause(int64_t ms)
{
	struct timespec left = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&left, NULL);
}

void client_segment(struct buf *path, const char *name)
{
	for (const unsigned char *c = (const unsigned char *)name; *c; c++) {
		if (strchr("-._~:", *c) || (*c >= '0' && *c <= '9') ||
			((*c | 32) >= 'a' && (*c | 32) <= 'z'))
			buf_char(path, (char)*c);
		else
			buf_printf(path, "%%%02X", *c);
	}
}

void client_query(struct buf *path, const char *name, const char *value)
{
	if (!value)
		return;
	buf_printf(path, "%c%s=", path->bytes && strchr(path->bytes, '?') ? '&' : '?', name);
	client_segment(path, value);
}
