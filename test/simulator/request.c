#include "simulator/request.h"

#include <string.h>
#include <strings.h>

bool slice_is(struct slice s, const char *text)
{
	return strlen(text) == s.len && memcmp(s.at, text, s.len) == 0;
}

static bool slice_like(struct slice s, const char *text)
{
	return strlen(text) == s.len && strncasecmp(s.at, text, s.len) == 0;
}

long slice_number(struct slice s, long otherwise)
{
	long n = 0;

	if (s.len == 0 || s.len > 15)
		return otherwise;
	for (size_t i = 0; i < s.len; i++) {
		if (s.at[i] < '0' || s.at[i] > '9')
			return otherwise;
		n = n * 10 + (s.at[i] - '0');
	}
	return n;
}

/* Cuts what stands before the first c off s; all of it when there is none. */
static struct slice slice_until(struct slice *s, char c)
{
	const char *found = memchr(s->at, c, s->len);
	struct slice head = {s->at, found ? (size_t)(found - s->at) : s->len};
	size_t used = head.len + (found ? 1 : 0);

	s->at += used;
	s->len -= used;
	return head;
}

struct slice slice_query(struct slice query, const char *name)
{
	while (query.len > 0) {
		struct slice pair = slice_until(&query, '&');
		struct slice key = slice_until(&pair, '=');
		if (slice_is(key, name))
			return pair;
	}
	return (struct slice){"", 0};
}

/* The next line without its CRLF; false when it does not end so. */
static bool line_next(struct slice *head, struct slice *ret)
{
	struct slice line = slice_until(head, '\n');

	if (line.len == 0 || line.at[line.len - 1] != '\r')
		return false;
	*ret = (struct slice){line.at, line.len - 1};
	return memchr(ret->at, '\r', ret->len) == NULL;
}

static bool first_line(struct slice line, struct request *r)
{
	r->method = slice_until(&line, ' ');
	struct slice target = slice_until(&line, ' ');
	r->path = slice_until(&target, '?');
	r->query = target;
	r->close = slice_is(line, "HTTP/1.0");
	return r->method.len > 0 && r->path.len > 0 && r->path.at[0] == '/' &&
	       (r->close || slice_is(line, "HTTP/1.1"));
}

static struct slice trimmed(struct slice s)
{
	while (s.len > 0 && (*s.at == ' ' || *s.at == '\t')) {
		s.at++;
		s.len--;
	}
	while (s.len > 0 && (s.at[s.len - 1] == ' ' || s.at[s.len - 1] == '\t'))
		s.len--;
	return s;
}

static bool take_length(struct request *r, struct slice value)
{
	long n = slice_number(value, -1);

	if (n < 0 || n > REQUEST_BODY_MAX || r->body.at)
		return false;
	r->body = (struct slice){"", (size_t)n};
	return true;
}

static bool take_chunked(struct request *r, struct slice value)
{
	return false;
}

static bool take_job(struct request *r, struct slice value)
{
	r->job = value;
	return true;
}

static bool take_bearer(struct request *r, struct slice value)
{
	static const char scheme[] = "Bearer ";
	const size_t len = sizeof(scheme) - 1;

	if (value.len > len && memcmp(value.at, scheme, len) == 0)
		r->key = (struct slice){value.at + len, value.len - len};
	return true;
}

static bool take_api_key(struct request *r, struct slice value)
{
	r->key = value;
	return true;
}

static bool take_attempt(struct request *r, struct slice value)
{
	r->attempt = (unsigned)slice_number(value, 0);
	return true;
}

static bool take_connection(struct request *r, struct slice value)
{
	r->close = r->close || slice_like(value, "close");
	return true;
}

static bool take_expect(struct request *r, struct slice value)
{
	r->expects = slice_like(value, "100-continue");
	return r->expects;
}

static const struct header {
	const char *name;
	bool (*take)(struct request *r, struct slice value);
} headers[] = {
	{"content-length", take_length},
	{"transfer-encoding", take_chunked},
	{"x-client-request-id", take_job},
	{"x-longhaul-attempt", take_attempt},
	{"authorization", take_bearer},
	{"x-api-key", take_api_key},
	{"connection", take_connection},
	{"expect", take_expect},
};

static bool header_line(struct slice line, struct request *r)
{
	struct slice name = slice_until(&line, ':');

	if (name.len == 0 || memchr(name.at, ' ', name.len) || line.at == name.at + name.len)
		return false;
	for (size_t i = 0; i < sizeof(headers) / sizeof(headers[0]); i++)
		if (slice_like(name, headers[i].name))
			return headers[i].take(r, trimmed(line));
	return true;
}

static bool head_read(struct slice head, struct request *r)
{
	struct slice line;

	if (!line_next(&head, &line) || !first_line(line, r))
		return false;
	while (head.len > 0)
		if (!line_next(&head, &line) || !header_line(line, r))
			return false;
	return true;
}

enum request_state request_read(const char *bytes, size_t len, struct request *ret)
{
	struct request r = {.job = {"", 0}, .key = {"", 0}};
	const char *end = memmem(bytes, len, "\r\n\r\n", 4);
	size_t head = end ? (size_t)(end - bytes) + 4 : len;

	if (head > REQUEST_HEAD_MAX)
		return REQUEST_BAD;
	*ret = r;
	if (!end)
		return REQUEST_MORE;
	if (!head_read((struct slice){bytes, head - 2}, &r))
		return REQUEST_BAD;
	r.total = r.wanted = head + r.body.len;
	r.body.at = bytes + head;
	*ret = r;
	return len < r.total ? REQUEST_MORE : REQUEST_READY;
}
