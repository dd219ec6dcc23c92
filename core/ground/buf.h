/* buf.h - bytes that grow, up to a limit they were born with.
 *
 * Every buffer has a maximum, so that no peer can make us hold more than we
 * said. A failed append leaves the buffer as it was and is remembered: a run of
 * appends may be checked once, by buf_err().
 *
 * Threads: one owner.  Memory: buf_clear frees; buf_take hands the bytes over. */
#ifndef GROUND_BUF_H
#define GROUND_BUF_H

#include "ground/err.h"

#include <stddef.h>

struct buf {
	char *bytes; /* always NUL-terminated once anything was appended */
	size_t len;
	size_t room;
	size_t max;
	enum err err; /* first failure since init: ERR_OK, ERR_NOMEM or ERR_TOO_LARGE */
};

void buf_init(struct buf *b, size_t max);
void buf_clear(struct buf *b);
/* Forgets the contents and the error, keeps the memory. */
void buf_reset(struct buf *b);
enum err buf_append(struct buf *b, const void *bytes, size_t len);
enum err buf_text(struct buf *b, const char *text);
enum err buf_char(struct buf *b, char c);
enum err buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Appends text as a quoted JSON string; input must be UTF-8. */
enum err buf_json(struct buf *b, const char *text, size_t len);
/* Drops the first n bytes. */
void buf_skip(struct buf *b, size_t n);
/* Makes room for n more bytes at buf->bytes + buf->len; the caller then adds to len. */
enum err buf_reserve(struct buf *b, size_t n);
/* What was to be appended could not be made, for this reason: as an append that failed. */
static inline void buf_fail(struct buf *b, enum err e)
{
	if (b->err == ERR_OK)
		b->err = e;
}
static inline enum err buf_err(const struct buf *b)
{
	return b->err;
}
/* The bytes, NUL-terminated, now the caller's to free; the buffer is empty again. */
MUST_CHECK enum err buf_take(struct buf *b, char **ret_bytes, size_t *ret_len);

#endif
