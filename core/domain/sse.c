#include "domain/sse.h"

#include <stdio.h>
#include <string.h>

void sse_init(struct sse *s, size_t max)
{
	*s = (struct sse){.begun = false};
	buf_init(&s->line, max);
	buf_init(&s->data, max);
}

void sse_clear(struct sse *s)
{
	buf_clear(&s->line);
	buf_clear(&s->data);
}

void sse_restart(struct sse *s)
{
	buf_clear(&s->line);
	buf_clear(&s->data);
	s->name[0] = '\0';
	s->begun = s->has_data = s->after_cr = false;
}

const char *sse_name(const struct sse *s)
{
	return s->name[0] ? s->name : "message";
}

/* The value after a field's name and its colon, or NULL when the line is another field's. */
static const char *value_of(const char *field, const char *line, size_t len, size_t *ret_len)
{
	const size_t n = strlen(field);

	if (len < n || memcmp(line, field, n) != 0 || (len > n && line[n] != ':'))
		return NULL;
	line += len > n ? n + 1 : n;
	len -= len > n ? n + 1 : n;
	if (len && *line == ' ') {
		line++;
		len--;
	}
	*ret_len = len;
	return line;
}

static enum err event_end(struct sse *s, sse_event_fn *fn, void *owner)
{
	enum err e = ERR_OK;

	if (s->has_data)
		e = fn(owner, s->data.bytes ? s->data.bytes : "", s->data.len);
	s->has_data = false;
	s->name[0] = '\0';
	buf_clear(&s->data);
	return e;
}

/* What an event says of itself beside its data. A value that does not fit is as if untold. */
static void word_line(struct sse *s, const char *line, size_t len)
{
	size_t n;
	const char *value = value_of("event", line, len, &n);

	if (value) {
		snprintf(s->name, sizeof(s->name), "%.*s", n < SSE_NAME_MAX ? (int)n : 0, value);
		return;
	}
	value = value_of("id", line, len, &n);
	if (value && n < SSE_ID_MAX && !memchr(value, 0, n))
		snprintf(s->id, sizeof(s->id), "%.*s", (int)n, value);
}

static enum err data_line(struct sse *s, const char *value, size_t len)
{
	if (s->has_data)
		buf_char(&s->data, '\n');
	s->has_data = true;
	return buf_append(&s->data, value, len);
}

/* One whole line. */
static enum err line_end(struct sse *s, const char *line, size_t len, sse_event_fn *fn, void *owner)
{
	const char *value;
	size_t value_len;

	if (!s->begun) {
		s->begun = true;
		if (len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0) {
			line += 3;
			len -= 3;
		}
	}
	if (len == 0)
		return event_end(s, fn, owner);
	value = value_of("data", line, len, &value_len);
	if (value)
		return data_line(s, value, value_len);
	word_line(s, line, len);
	return ERR_OK;
}

/* Length of the line at bytes, without its end; len when it has none here. */
static size_t line_length(const char *bytes, size_t len)
{
	const char *lf = memchr(bytes, '\n', len);
	const char *cr = memchr(bytes, '\r', lf ? (size_t)(lf - bytes) : len);
	const char *end = cr ? cr : lf;

	return end ? (size_t)(end - bytes) : len;
}

/* The usual shape, one data line and LF LF, is handed over where it lies. Returns the bytes used,
 * 0 when it is another shape. */
static size_t event_in_place(const struct sse *s, const char *bytes, size_t len, size_t line,
	const char **ret_value, size_t *ret_len)
{
	if (s->has_data || s->line.len || !s->begun || line + 2 > len || bytes[line] != '\n' ||
		bytes[line + 1] != '\n')
		return 0;
	*ret_value = value_of("data", bytes, line, ret_len);
	return *ret_value ? line + 2 : 0;
}

static enum err piece(struct sse *s, const char **bytes, size_t *len, sse_event_fn *fn, void *owner)
{
	const size_t line = line_length(*bytes, *len);
	const char *value = NULL;
	size_t value_len = 0;
	size_t used = event_in_place(s, *bytes, *len, line, &value, &value_len);
	enum err e;

	if (used) {
		e = fn(owner, value, value_len);
		s->name[0] = '\0';
	} else if (line == *len) {
		used = line;
		e = buf_append(&s->line, *bytes, line);
	} else {
		used = line + 1;
		s->after_cr = (*bytes)[line] == '\r';
		if (s->line.len == 0) {
			e = line_end(s, *bytes, line, fn, owner);
		} else {
			e = buf_append(&s->line, *bytes, line);
			if (!e)
				e = line_end(s, s->line.bytes, s->line.len, fn, owner);
			buf_clear(&s->line);
		}
	}
	*bytes += used;
	*len -= used;
	return e;
}

enum err sse_feed(struct sse *s, const char *bytes, size_t len, sse_event_fn *fn, void *owner)
{
	enum err e = ERR_OK;

	while (len && !e) {
		if (s->after_cr && *bytes == '\n') {
			bytes++;
			len--;
			s->after_cr = false;
			continue;
		}
		s->after_cr = false;
		e = piece(s, &bytes, &len, fn, owner);
	}
	return e;
}
