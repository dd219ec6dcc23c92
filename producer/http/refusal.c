#include "http/refusal.h"

#include "ground/id.h"
#include "http/reply.h"

#include <microhttpd.h>
#include <string.h>
#include <sys/socket.h>

static const char TOLD[] = "Error processing request (HTTP response code is %u";

enum { ANSWER_MAX = 2048 };

/* What a complete head can still be refused for, by the status of the library's page. */
static const struct refusal {
	unsigned status;
	enum err error;
	const char *detail;
} REFUSALS[] = {
	{MHD_HTTP_BAD_REQUEST, ERR_BAD_REQUEST, "Content-Length must be a number"},
	{MHD_HTTP_CONTENT_TOO_LARGE, ERR_TOO_LARGE, "Content-Length is larger than any limit"},
	{MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE, ERR_BAD_REQUEST, "the cookies are too large"},
};

static const struct refusal *refusal_of(unsigned status)
{
	for (size_t i = 0; i < sizeof REFUSALS / sizeof *REFUSALS; i++)
		if (REFUSALS[i].status == status)
			return &REFUSALS[i];
	return NULL;
}

/* The thread is asked first: another thread's connection must not be looked into. */
static bool is_refused(const struct connection *x)
{
	return pthread_equal(x->thread, pthread_self()) &&
	       (x->at == CONNECTION_HEAD || x->at == CONNECTION_IDLE) &&
	       MHD_get_connection_info(x->library, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
}

/* Small enough for an idle socket's buffer; a client that left it full gets nothing. */
static void answer(int fd, const struct refusal *refusal)
{
	struct reply reply;
	struct buf out;
	char id[ID_TEXT_MAX];

	id_format("req", id_new(0), id);
	reply_init(&reply);
	reply_problem(&reply, refusal->error, refusal->detail, NULL, id);
	buf_init(&out, ANSWER_MAX);
	(void)buf_printf(&out,
		"HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: %s\r\n\r\n",
		reply.status, MHD_get_reason_phrase_for((unsigned)reply.status), reply.type,
		reply.body.len, id);
	(void)buf_append(&out, reply.body.bytes, reply.body.len);
	if (!buf_err(&reply.body) && !buf_err(&out))
		(void)send(fd, out.bytes, out.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	(void)shutdown(fd, SHUT_WR);
	buf_clear(&out);
	reply_clear(&reply);
}

void refusal_told(void *connections, const char *format, va_list args)
{
	const struct refusal *refusal;
	struct connection *x;

	if (strncmp(format, TOLD, sizeof TOLD - 1) != 0)
		return;
	refusal = refusal_of(va_arg(args, unsigned));
	x = refusal ? connections_find(connections, is_refused) : NULL;
	if (!x)
		return;
	connection_moves(x, CONNECTION_BODY); /* refused once, and late like any other */
	answer(x->fd, refusal);
}
