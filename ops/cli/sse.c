#include "sse.h"

#include <stdio.h>
#include <string.h>

enum { EVENT_MAX_BYTES = 4 << 20 };

void sse_init(struct sse *s, sse_fn *fn, void *owner)
{
	memset(s, 0, sizeof(*s));
	s->fn = fn;
	s->owner = owner;
	buf_init(&s->line, EVENT_MAX_BYTES);
	buf_init(&s->data, EVENT_MAX_BYTES);
}

void sse_clear(struct sse *s)
{
	buf_clear(&s->line);
	buf_clear(&s->data);
}

static void forget_event(struct sse *s)
{
	buf_reset(&s->data);
	s->name[0] = '\0';
}

void sse_restart(struct sse *s)
{
	buf_reset(&s->line);
	forget_event(s);
	s->after_cr = false;
}

/* A blank line: the event is whole, if it has data. */
static enum err dispatch(struct sse *s)
{
	enum err e = ERR_OK;

	if (s->data.len > 0) {
		s->data.bytes[--s->data.len] = '\0'; /* the newline behind the last data line */
		e = s->fn(s->owner, &(struct sse_event){.id = s->id,
					    .name = s->name[0] ? s->name : "message",
					    .data = s->data.bytes,
					    .len = s->data.len});
	}
	forget_event(s);
	return e;
}

static enum err field(
	struct sse *s, const char *name, size_t name_len, const char *value, size_t len)
{
	if (name_len == 4 && memcmp(name, "data", 4) == 0) {
		buf_append(&s->data, value, len);
		return buf_char(&s->data, '\n');
	}
	if (name_len == 5 && memcmp(name, "event", 5) == 0)
		snprintf(s->name, sizeof(s->name), "%.*s", (int)(len < SSE_NAME_MAX ? len : 0),
			value);
	if (name_len == 2 && memcmp(name, "id", 2) == 0 && len < SSE_ID_MAX &&
		!memchr(value, 0, len))
		snprintf(s->id, sizeof(s->id), "%.*s", (int)len, value);
	return ERR_OK;
}

static enum err end_line(struct sse *s)
{
	const char *line = s->line.len > 0 ? s->line.bytes : "";
	const char *colon = memchr(line, ':', s->line.len);
	size_t name_len = colon ? (size_t)(colon - line) : s->line.len;
	size_t skip = colon ? name_len + 1 : name_len;
	enum err e;

	if (s->line.len == 0)
		return dispatch(s);
	if (skip < s->line.len && line[skip] == ' ')
		skip++;
	e = field(s, line, name_len, line + skip, s->line.len - skip);
	buf_reset(&s->line);
	return e;
}

enum err sse_feed(struct sse *s, const char *bytes, size_t len)
{
	enum err e = ERR_OK;

	while (len > 0 && e == ERR_OK) {
		size_t n = 0;

		if (s->after_cr && bytes[0] == '\n') {
			bytes++;
			len--;
		}
		s->after_cr = false;
		while (n < len && bytes[n] != '\r' && bytes[n] != '\n')
			n++;
		e = buf_append(&s->line, bytes, n);
		if (n < len && e == ERR_OK) {
			s->after_cr = bytes[n] == '\r';
			e = end_line(s);
			n++;
		}
		bytes += n;
		len -= n;
	}
	return e;
}
