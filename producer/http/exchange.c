#include "http/exchange.h"

#include "ground/clock.h"
#include "http/body_memory.h"
#include "http/client_address.h"
#include "http/guard.h"
#include "http/reply_memory.h"
#include "http/response.h"
#include "http/server_state.h"
#include "http/sse.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { DRAIN_BYTES_MAX = 64 << 20 };

/* What only this file needs of a request. */
struct exchange {
	struct request request; /* first: the handlers' view */
	struct connection *place;
	uint64_t length; /* Content-Length; 0 for chunked */
	bool chunked;
	bool answered; /* the reply stands; what remains of the body is dropped */
	struct guard_head head;
};

/* ---- head ---- */

static enum MHD_Result take_value(
	void *cls, enum MHD_ValueKind kind, const char *name, const char *value)
{
	struct exchange *x = cls;

	if (kind == MHD_GET_ARGUMENT_KIND) {
		query_add(&x->request.query, name, value);
		return MHD_YES;
	}
	if (x->head.n < GUARD_HEADERS_MAX)
		x->head.headers[x->head.n++] = (struct guard_header){name, value ? value : ""};
	x->head.total++;
	return MHD_YES;
}

/* The caller's trace goes on, or this request begins one under its own id: unique, and chance
 * enough. */
static void trace_set(struct request *r, const char *parent)
{
	struct trace theirs;

	if (parent && trace_parse(parent, strlen(parent), &theirs)) {
		r->trace = trace_child(&theirs);
		return;
	}
	memcpy(r->trace.trace_id, r->id.bytes, sizeof r->trace.trace_id);
	memcpy(r->trace.parent_id, r->id.bytes + 8, sizeof r->trace.parent_id);
	r->trace.flags = 1;
}

static void head_take(struct exchange *x)
{
	struct request *r = &x->request;
	const char *length = guard_value(&x->head, "Content-Length");

	r->authorization = guard_value(&x->head, "Authorization");
	r->idempotency_key = guard_value(&x->head, "Idempotency-Key");
	r->if_none_match = guard_value(&x->head, "If-None-Match");
	r->last_event_id = guard_value(&x->head, "Last-Event-ID");
	r->content_type = guard_value(&x->head, "Content-Type");
	x->chunked = guard_value(&x->head, "Transfer-Encoding") != NULL;
	x->length = length ? strtoull(length, NULL, 10) : 0;
}

static struct exchange *exchange_new(struct server *s, struct MHD_Connection *connection)
{
	struct exchange *x = malloc(sizeof *x);
	struct request *r = &x->request;
	const union MHD_ConnectionInfo *info;

	if (!x)
		return NULL;
	/* the query's pairs and the headers are large and have counts: not zeroed */
	memset(r, 0, offsetof(struct request, query));
	memset(&r->query + 1, 0, sizeof *r - offsetof(struct request, query) - sizeof r->query);
	memset(r + 1, 0, offsetof(struct exchange, head) - sizeof *r);
	r->query.n = x->head.n = x->head.total = 0;
	r->query.bad = false;
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	x->place = info ? info->socket_context : NULL;
	x->request.server = s;
	x->request.producer = s->options.producer;
	x->request.connection = connection;
	client_address_peer(connection, x->request.address);
	x->request.began_us = clock_us();
	x->request.id = id_new(0);
	id_format("req", x->request.id, x->request.id_text);
	reply_init(&x->request.reply);
	connection_moves(x->place, CONNECTION_BODY);
	s->busy++;
	return x;
}

static void route_fail(struct request *r, enum err e)
{
	request_fail(r, e);
	if (e == ERR_METHOD)
		reply_header(&r->reply, "Allow", "%s", r->match.allow);
}

/* ERR_OK, or the reply stands. */
static enum err head_check(struct exchange *x, const char *path, const char *method)
{
	struct request *r = &x->request;
	const struct server_options *o = &r->server->options;
	const char *fault = guard_fault(&x->head, true);
	enum err e;

	trace_set(r, fault ? NULL : guard_value(&x->head, "traceparent"));
	if (fault) {
		request_fail_detail(r, ERR_BAD_REQUEST, fault);
		r->reply.close = true;
		return ERR_BAD_REQUEST;
	}
	head_take(x);
	client_address_take(&x->head, o->trusted_proxies(o->producer), r->address);
	r->head_only = strcmp(method, "HEAD") == 0;
	e = route_find(o->routes, o->listener, method, path, &r->match);
	r->reply.shape = r->match.body == ROUTE_OPENAI ? REPLY_OPENAI : REPLY_PROBLEM;
	if (e)
		route_fail(r, e);
	return e;
}

/* ---- body ---- */

static void body_refuse(struct exchange *x, enum err e)
{
	struct request *r = &x->request;

	request_fail(r, e);
	x->answered = true;
	buf_clear(&r->body);
	body_memory_release(r);
}

static void body_expect(struct exchange *x)
{
	struct request *r = &x->request;
	const struct server_options *o = &r->server->options;
	size_t max = o->body_max(o->producer, r->match.route->body);

	buf_init(&r->body, max);
	if (x->length > max)
		body_refuse(x, ERR_TOO_LARGE);
	else if (x->length && body_memory_expect(r, (size_t)x->length))
		body_refuse(x, ERR_UNAVAILABLE);
	else if (x->length && buf_reserve(&r->body, (size_t)x->length))
		body_refuse(x, ERR_NOMEM);
}

static void body_take(struct exchange *x, const char *bytes, size_t len)
{
	struct request *r = &x->request;
	enum err e = ERR_OK;

	if (x->answered)
		return;
	if (x->chunked)
		e = body_memory_expect(r, r->body.len + len);
	if (!e)
		e = buf_append(&r->body, bytes, len);
	if (e)
		body_refuse(x, e);
}

/* ---- reply ---- */

/* A parked connection is not read, so the library does not know yet that its client has closed. */
static bool client_is_gone(const struct request *r)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	char byte;
	ssize_t n = info ? recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) : 0;

	return n == 0 || (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK);
}

static enum MHD_Result answer(struct exchange *x)
{
	struct request *r = &x->request;
	struct MHD_Response *response;
	enum MHD_Result sent;
	bool streams = r->stream != NULL;
	size_t sent_bytes;

	if (!streams && buf_err(&r->reply.body))
		request_fail(r, ERR_NOMEM);
	sent_bytes = r->reply.body.len;
	response = response_make(r);
	if (!response)
		return MHD_NO;
	if (r->head_only || r->reply.status >= 400 || (r->sent && client_is_gone(r)))
		r->sent = NULL;
	body_memory_release(r);
	reply_memory_is(r, sent_bytes);
	if (!streams)
		connection_sends(x->place, sent_bytes);
	r->stage = REQUEST_SENT;
	sent = MHD_queue_response(r->connection, (unsigned)r->reply.status, response);
	MHD_destroy_response(response);
	return sent;
}

/* ---- the walk ---- */

/* A refusal before the body: small bodies are read and dropped, so that the client sees why. */
static enum MHD_Result refuse(struct exchange *x)
{
	x->answered = true;
	x->request.stage = REQUEST_BODY;
	if (!x->request.is_known)
		connection_is_strange(x->place);
	/* a reply to the head alone ends the connection: even an empty body is waited for */
	if (x->request.reply.close || x->length > DRAIN_BYTES_MAX)
		return answer(x);
	return MHD_YES;
}

static enum MHD_Result enter(struct exchange *x)
{
	struct request *r = &x->request;
	bool parked = false;
	enum err e = ERR_OK;

	r->stage = REQUEST_ACCESS;
	if (r->match.route->access != ROUTE_OPEN)
		e = r->server->options.access(r, &parked);
	if (parked)
		return MHD_YES;
	if (e)
		return refuse(x);
	r->stage = REQUEST_BODY;
	body_expect(x);
	if (x->answered)
		return refuse(x);
	if (!r->is_known)
		connection_is_strange(x->place);
	return MHD_YES;
}

/* Calls without a body take an empty one, or an empty object. */
static bool body_is_wrong(const struct request *r)
{
	const char *bytes = r->body.bytes;
	size_t n = r->body.len, at = 0;

	if (r->match.route->body != ROUTE_NO_BODY)
		return false;
	while (at < n && strchr(" \t\r\n{}", bytes[at]))
		at++;
	return at < n;
}

/* The handler, once all know of it who must: they may be asked several times. */
static void run(struct request *r)
{
	bool parked = false;
	const enum err e = r->server->options.note(r, &parked);

	if (parked)
		r->stage = REQUEST_NOTE;
	else if (!e)
		r->match.route->handler(r);
}

static enum MHD_Result handle(struct exchange *x)
{
	struct request *r = &x->request;

	connection_moves(x->place, CONNECTION_BUSY);
	r->stage = REQUEST_HANDLE;
	r->parked = false;
	if (x->answered)
		return answer(x);
	if (body_is_wrong(r))
		request_fail_detail(r, ERR_INVALID_JSON, "this call takes no body");
	else if (reply_memory_refuses(r))
		request_fail(r, ERR_UNAVAILABLE);
	else
		run(r);
	return r->parked ? MHD_YES : answer(x);
}

static enum MHD_Result begin(struct server *s, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, void **request)
{
	struct exchange *x = exchange_new(s, connection);

	if (!x)
		return MHD_NO;
	*request = x;
	x->head.version = version;
	x->head.target = path;
	(void)MHD_get_connection_values(
		connection, MHD_HEADER_KIND | MHD_GET_ARGUMENT_KIND, take_value, x);
	if (head_check(x, path, method))
		return refuse(x);
	return enter(x);
}

/* Eight parameters are the library's choice. NOLINTNEXTLINE(readability-function-size) */
enum MHD_Result exchange_turn(void *server, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *bytes, size_t *len, void **request)
{
	struct exchange *x = *request;

	if (!x)
		return begin(server, connection, path, method, version, request);
	if (x->request.stage == REQUEST_ACCESS)
		return enter(x);
	if (*len > 0) {
		body_take(x, bytes, *len);
		*len = 0;
		return MHD_YES;
	}
	if (x->request.stage == REQUEST_BODY || x->request.stage == REQUEST_NOTE)
		return handle(x);
	return answer(x);
}

void exchange_over(void *server, struct MHD_Connection *connection, void **request,
	enum MHD_RequestTerminationCode why)
{
	struct server *s = server;
	struct exchange *x = *request;
	struct request *r = &x->request;

	if (!x)
		return;
	if (s->options.done)
		s->options.done(s->options.producer, r, clock_us() - r->began_us);
	body_memory_release(r);
	reply_memory_is(r, 0);
	if (r->sent && why == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		r->sent(r);
	if (r->work_free)
		r->work_free(r->work);
	sse_release(r->stream);
	caller_clear(&r->caller);
	free(r->object);
	free(r->limit);
	buf_clear(&r->body);
	reply_clear(&r->reply);
	connection_moves(x->place, CONNECTION_IDLE);
	s->busy--;
	free(x);
	*request = NULL;
}
