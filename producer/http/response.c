#include "http/response.h"

#include "http/connections.h"
#include "http/sse.h"
#include "limits/limit_reply.h"

#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

enum { SSE_CHUNK = 4096 };

/* What the library holds of a stream that it sends. */
struct sending {
	struct sse *sse;
	struct connection *place; /* leaves after the last read */
};

static ssize_t stream_read(void *cls, uint64_t at, char *out, size_t room)
{
	const struct sending *s = cls;
	ssize_t n = sse_read(s->sse, out, room);

	if (n < 0)
		return MHD_CONTENT_READER_END_OF_STREAM;
	connection_streams(s->place, (size_t)n);
	return n;
}

static void stream_over(void *cls)
{
	struct sending *s = cls;

	sse_detach(s->sse);
	free(s);
}

static struct MHD_Response *stream_make(struct request *r)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(r->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	struct sending *s = malloc(sizeof *s);
	struct MHD_Response *response;

	if (!s)
		return NULL;
	*s = (struct sending){r->stream, info ? info->socket_context : NULL};
	sse_attach(r->stream, r->connection);
	response = MHD_create_response_from_callback(
		MHD_SIZE_UNKNOWN, SSE_CHUNK, stream_read, s, stream_over);
	if (response)
		r->stream = NULL;
	else
		free(s);
	return response;
}

static struct MHD_Response *body_make(struct request *r)
{
	struct MHD_Response *response;
	char *bytes = NULL;
	size_t len = 0;

	if (r->stream)
		return stream_make(r);
	if (buf_err(&r->reply.body) || buf_take(&r->reply.body, &bytes, &len))
		return NULL;
	if (!bytes)
		return MHD_create_response_from_buffer(0, (void *)"", MHD_RESPMEM_PERSISTENT);
	response = MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE);
	if (!response)
		free(bytes);
	return response;
}

/* For a browser that came here by itself: nothing of a reply is kept, guessed at, framed or run.
 * What a handler says instead counts. */
static const struct {
	const char *name, *value;
} BROWSER_RULES[] = {
	{"Cache-Control", "no-store"},
	{"Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'"},
	{"X-Content-Type-Options", "nosniff"},
};

static bool says(const struct reply *reply, const char *name)
{
	for (size_t i = 0; i < reply->headers_n; i++)
		if (strcmp(reply->headers[i].name, name) == 0)
			return true;
	return false;
}

static bool header_add(struct MHD_Response *response, const char *name, const char *value)
{
	return MHD_add_response_header(response, name, value) == MHD_YES;
}

static bool list_add(struct MHD_Response *response, const struct reply_header *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!header_add(response, list[i].name, list[i].value))
			return false;
	return true;
}

static bool browser_rules_add(struct MHD_Response *response, const struct reply *reply)
{
	for (size_t i = 0; i < sizeof BROWSER_RULES / sizeof *BROWSER_RULES; i++)
		if (!says(reply, BROWSER_RULES[i].name) &&
			!header_add(response, BROWSER_RULES[i].name, BROWSER_RULES[i].value))
			return false;
	return true;
}

/* All or none: without memory for one, a reply might be kept that must not be, or a refusal not
 * say when to come again. */
static bool headers_add(struct MHD_Response *response, const struct request *r)
{
	const struct reply *reply = &r->reply;
	struct reply_header more[LIMIT_HEADERS_MAX];
	const size_t limits = limit_headers(r, more);
	char traceparent[TRACE_PARENT_MAX];

	trace_format(&r->trace, traceparent);
	return header_add(response, "X-Request-Id", r->id_text) &&
	       header_add(response, "traceparent", traceparent) &&
	       browser_rules_add(response, reply) &&
	       (!reply->type || header_add(response, "Content-Type", reply->type)) &&
	       list_add(response, reply->headers, reply->headers_n) &&
	       list_add(response, more, limits) &&
	       (!reply->close || header_add(response, "Connection", "close"));
}

struct MHD_Response *response_make(struct request *r)
{
	struct MHD_Response *response = body_make(r);

	if (!response || headers_add(response, r))
		return response;
	MHD_destroy_response(response);
	return NULL;
}
