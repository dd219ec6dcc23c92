#include "http/reply.h"

#include "http/openai_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { RETRY_AFTER_S = 1 };

void reply_init(struct reply *r)
{
	memset(r, 0, sizeof *r);
	buf_init(&r->body, REPLY_BYTES_MAX);
}

void reply_clear(struct reply *r)
{
	buf_clear(&r->body);
	r->headers_n = 0;
}

struct buf *reply_json(struct reply *r, int status)
{
	r->status = status;
	r->type = "application/json";
	buf_reset(&r->body);
	return &r->body;
}

void reply_header(struct reply *r, const char *name, const char *format, ...)
{
	struct reply_header *h = &r->headers[r->headers_n];
	va_list args;
	int n;

	if (r->headers_n == REPLY_HEADERS_MAX)
		return;
	va_start(args, format);
	n = vsnprintf(h->value, sizeof h->value, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= sizeof h->value)
		return;
	h->name = name;
	r->headers_n++;
}

static void problem_list(struct buf *out, const struct problems *problems)
{
	for (size_t i = 0; i < problems->n; i++) {
		const struct problem *p = &problems->list[i];

		(void)buf_text(out, i ? ",{\"pointer\":" : "{\"pointer\":");
		(void)buf_json(out, p->pointer, strlen(p->pointer));
		(void)buf_text(out, ",\"detail\":");
		(void)buf_json(out, p->detail, strlen(p->detail));
		(void)buf_char(out, '}');
	}
}

void problem_write(struct buf *out, enum err e, const char *detail, const struct problems *problems,
	const char *instance)
{
	int status = err_http(e);

	if (!detail && problems && problems->n)
		detail = problems->list[0].detail;
	if (!detail)
		detail = err_text(e);
	(void)buf_printf(out,
		"{\"type\":\"urn:longhaul:problem:%s\",\"title\":\"%s\",\"status\":%d,"
		"\"code\":\"%s\",\"instance\":\"%s\",\"detail\":",
		err_code(e), err_text(e), status, err_code(e), instance);
	(void)buf_json(out, detail, strlen(detail));
	(void)buf_text(out, ",\"errors\":[");
	if (problems)
		problem_list(out, problems);
	(void)buf_text(out, "]}");
}

/* Our own parts' troubles have one face outside. */
static enum err outside(enum err e)
{
	int status = err_http(e);

	if (status == 503 && e != ERR_QUEUE_FULL)
		return ERR_UNAVAILABLE;
	return e == ERR_LOST ? ERR_CONFLICT : e;
}

void reply_problem(struct reply *r, enum err e, const char *detail, const struct problems *problems,
	const char *instance)
{
	e = outside(e);
	r->status = err_http(e);
	r->headers_n = 0;
	buf_reset(&r->body);
	if (r->shape == REPLY_OPENAI) {
		r->type = "application/json";
		openai_error_write(&r->body, e, detail, problems);
	} else {
		r->type = "application/problem+json";
		problem_write(&r->body, e, detail, problems, instance);
	}
	if ((r->status == 429 || r->status == 503) && err_fate(e) == FATE_RETRY)
		reply_header(r, "Retry-After", "%lld",
			(long long)(r->retry_after_s ? r->retry_after_s : RETRY_AFTER_S));
	if (r->status == 401)
		reply_header(r, "WWW-Authenticate", "Bearer");
}
