#include "http/guard.h"

#include <string.h>
#include <strings.h>

const char *guard_value(const struct guard_head *head, const char *name)
{
	for (size_t i = 0; i < head->n; i++)
		if (strcasecmp(head->headers[i].name, name) == 0)
			return head->headers[i].value;
	return NULL;
}

static size_t count(const struct guard_head *head, const char *name)
{
	size_t n = 0;

	for (size_t i = 0; i < head->n; i++)
		n += strcasecmp(head->headers[i].name, name) == 0;
	return n;
}

/* RFC 9110 5.6.2 */
static bool is_token(const char *s)
{
	size_t n = strspn(s, "!#$%&'*+-.^_`|~0123456789"
			     "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

	return n > 0 && s[n] == '\0';
}

static bool has_controls(const char *s)
{
	for (; *s; s++)
		if (((unsigned char)*s < 0x20 && *s != '\t') || *s == 0x7f)
			return true;
	return false;
}

static const char *shape_fault(const struct guard_head *head)
{
	if (head->target[0] != '/')
		return "the target must be a path: it begins with /";
	for (const char *c = head->target; *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			return "the target has blanks or bytes outside ASCII";
	if (head->total > GUARD_HEADERS_MAX)
		return "too many headers";
	for (size_t i = 0; i < head->n; i++) {
		if (!is_token(head->headers[i].name))
			return "a header's name is not a token";
		if (has_controls(head->headers[i].value))
			return "a header's value has control characters";
	}
	return NULL;
}

/* Exactly CR LF between the end of one line and the start of the next? */
static bool crlf_apart(const char *end, const char *next)
{
	return next == end + 2 && end[0] == '\0' && end[1] == '\0';
}

/* CR LF, and CR LF again: the head's end. Less of it shows what follows the head. */
static bool crlf_twice(const char *end)
{
	static const char nuls[4];

	return memcmp(end, nuls, sizeof nuls) == 0;
}

static const char *line_fault(const struct guard_head *head)
{
	static const char fault[] = "lines must end in CR LF, without folding and without NUL";
	const char *end = head->version + strlen(head->version);

	for (size_t i = 0; i < head->n; i++) {
		const struct guard_header *h = &head->headers[i];

		if (!crlf_apart(end, h->name))
			return fault;
		end = h->value + strlen(h->value);
	}
	return head->n > 0 && head->n == head->total && !crlf_twice(end) ? fault : NULL;
}

static const char *framing_fault(const struct guard_head *head)
{
	const char *length = guard_value(head, "Content-Length");
	const char *coding = guard_value(head, "Transfer-Encoding");
	size_t digits = length ? strspn(length, "0123456789") : 0;

	if (length && coding)
		return "Content-Length and Transfer-Encoding exclude each other";
	if (count(head, "Content-Length") > 1 || count(head, "Transfer-Encoding") > 1)
		return "the body's length is given twice";
	if (length && (digits == 0 || digits > 15 || length[digits] != '\0'))
		return "Content-Length must be a number";
	if (coding &&
		(strcasecmp(coding, "chunked") != 0 || strcmp(head->version, "HTTP/1.1") != 0))
		return "the only transfer coding is chunked, with HTTP/1.1";
	return NULL;
}

static const char *host_fault(const struct guard_head *head)
{
	size_t n = count(head, "Host");

	if (n > 1 || (n == 0 && strcmp(head->version, "HTTP/1.1") == 0))
		return "exactly one Host header is needed";
	if (count(head, "Authorization") > 1 || count(head, "Idempotency-Key") > 1)
		return "a header is given twice";
	return NULL;
}

const char *guard_fault(const struct guard_head *head, bool in_place)
{
	const char *fault = shape_fault(head);

	if (!fault && in_place)
		fault = line_fault(head);
	if (!fault)
		fault = framing_fault(head);
	return fault ? fault : host_fault(head);
}
