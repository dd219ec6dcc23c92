#include "ground/buf.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST = 128, DOUBLING_MAX = 1024 };

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){.max = max < SIZE_MAX ? max : SIZE_MAX - 1};
}

void buf_clear(struct buf *b)
{
	if (b == NULL)
		return;
	free(b->bytes);
	buf_init(b, b->max);
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	b->err = ERR_OK;
	if (b->bytes != NULL)
		b->bytes[0] = '\0';
}

/* The next size that holds need: a multiple, so that n appends copy O(n) bytes. Doubled while
 * small; then by half, as ten thousand answers at once are made of such buffers. */
static size_t buf_grown(const struct buf *b, size_t need)
{
	size_t room = b->room > 0 ? b->room : BUF_FIRST;

	while (room < need && room <= SIZE_MAX / 2)
		room += room < DOUBLING_MAX ? room : room / 2;
	if (room < need || room > b->max)
		room = b->max;
	return room;
}

enum err buf_reserve(struct buf *b, size_t n)
{
	size_t room;
	char *bytes;

	if (b->err != ERR_OK)
		return b->err;
	if (n > b->max - b->len)
		return b->err = ERR_TOO_LARGE;
	if (b->bytes != NULL && n <= b->room - b->len)
		return ERR_OK;
	room = buf_grown(b, b->len + n);
	bytes = realloc(b->bytes, room + 1);
	if (bytes == NULL)
		return b->err = ERR_NOMEM;
	b->bytes = bytes;
	b->room = room;
	b->bytes[b->len] = '\0';
	return ERR_OK;
}

enum err buf_append(struct buf *b, const void *bytes, size_t len)
{
	enum err e = buf_reserve(b, len);

	if (e != ERR_OK)
		return e;
	if (len > 0)
		memcpy(b->bytes + b->len, bytes, len);
	b->len += len;
	b->bytes[b->len] = '\0';
	return ERR_OK;
}

enum err buf_text(struct buf *b, const char *text)
{
	return buf_append(b, text, strlen(text));
}

enum err buf_char(struct buf *b, char c)
{
	return buf_append(b, &c, 1);
}

/* Most texts fit into the room there is: they are printed once. */
enum err buf_printf(struct buf *b, const char *format, ...)
{
	size_t room = b->bytes != NULL && b->err == ERR_OK ? b->room - b->len + 1 : 0;
	enum err e = ERR_OK;
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(room > 0 ? b->bytes + b->len : NULL, room, format, args);
	va_end(args);
	if (n >= 0 && (size_t)n < room) {
		b->len += (size_t)n;
		return ERR_OK;
	}
	if (room > 0)
		b->bytes[b->len] = '\0';
	if (n < 0)
		return b->err = ERR_INTERNAL;
	e = buf_reserve(b, (size_t)n);
	if (e != ERR_OK)
		return e;
	va_start(args, format);
	vsnprintf(b->bytes + b->len, (size_t)n + 1, format, args);
	va_end(args);
	b->len += (size_t)n;
	return ERR_OK;
}

/* The two-character escape of c, or 0 when it has none. */
static char buf_escape(unsigned char c)
{
	static const char from[] = "\"\\\n\r\t\b\f";
	static const char to[] = "\"\\nrtbf";
	const char *found = c != '\0' ? strchr(from, c) : NULL;

	return found != NULL ? to[found - from] : '\0';
}

static enum err buf_escaped(struct buf *b, unsigned char c)
{
	char text[8];
	int n;

	if (buf_escape(c) != '\0')
		n = snprintf(text, sizeof(text), "\\%c", buf_escape(c));
	else
		n = snprintf(text, sizeof(text), "\\u%04x", c);
	return buf_append(b, text, (size_t)n);
}

static bool buf_plain(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

enum err buf_json(struct buf *b, const char *text, size_t len)
{
	size_t start = b->len;
	size_t i = 0;

	buf_char(b, '"');
	while (i < len) {
		size_t run = i;

		while (run < len && buf_plain((unsigned char)text[run]))
			run++;
		buf_append(b, text + i, run - i);
		if (run < len)
			buf_escaped(b, (unsigned char)text[run++]);
		i = run;
	}
	buf_char(b, '"');
	if (b->err != ERR_OK && b->bytes != NULL && b->len > start) {
		b->len = start;
		b->bytes[start] = '\0';
	}
	return b->err;
}

void buf_skip(struct buf *b, size_t n)
{
	if (b->bytes == NULL)
		return;
	if (n > b->len)
		n = b->len;
	memmove(b->bytes, b->bytes + n, b->len - n + 1);
	b->len -= n;
}

enum err buf_take(struct buf *b, char **ret_bytes, size_t *ret_len)
{
	enum err e = buf_reserve(b, 0);

	if (e != ERR_OK)
		return e;
	*ret_bytes = b->bytes;
	if (ret_len != NULL)
		*ret_len = b->len;
	b->bytes = NULL;
	buf_clear(b);
	return ERR_OK;
}
