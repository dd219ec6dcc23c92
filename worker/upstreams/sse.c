#include "upstreams/sse.h"

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

/* The value after "data" and its colon, or NULL when the line is none. */
static const char *data_value(const char *line, size_t len, size_t *ret_len)
{
	if (len < 4 || memcmp(line, "data", 4) != 0 || (len > 4 && line[4] != ':'))
		return NULL;
	line += len > 4 ? 5 : 4;
	len -= len > 4 ? 5 : 4;
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
	buf_clear(&s->data);
	return e;
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
	value = data_value(line, len, &value_len);
	return value ? data_line(s, value, value_len) : ERR_OK;
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
	*ret_value = data_value(bytes, line, ret_len);
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
