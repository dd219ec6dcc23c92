#include "simulator/mischief.h"

#include <stdio.h>
#include <string.h>

enum { PIECE = 32 << 10, LINE = 1000, LINES = 32, HEAD_MAX = 256 };

static const char ok[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n";

/* Header line after header line; the reply never gets to its body. */
static bool headers_piece(struct server *s, struct answer *a)
{
	char line[LINE + 1];

	memset(line, 'x', LINE);
	memcpy(line, "X-Filler: ", 10);
	memcpy(line + LINE - 2, "\r\n", 3);
	if (a->mischief == 0)
		conn_send(a->conn, ok, sizeof(ok) - 1);
	for (int i = 0; i < LINES; i++)
		conn_send(a->conn, line, LINE);
	a->mischief += LINES;
	return a->mischief < a->reply.ask.how.headers;
}

/* Says that it is compressed, which nobody asked for, and is small. */
static bool gzip_piece(struct server *s, struct answer *a)
{
	static const char body[] = "\x1f\x8b\x08\0\0\0\0\0\0\x03\xed\xc1\x01\x01\0\0\0\x80\x90\xfe";
	char head[HEAD_MAX];
	int n = snprintf(head, sizeof(head),
		"%sContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", ok, sizeof(body) - 1);

	conn_send(a->conn, head, (size_t)n);
	conn_send(a->conn, body, sizeof(body) - 1);
	return false;
}

/* Promises half of what comes; it leaves at once, so that nobody reads the promised half alone. */
static bool short_piece(struct server *s, struct answer *a)
{
	char head[HEAD_MAX];
	struct buf whole;

	buf_reset(&s->scratch);
	if (a->dialect->whole(&a->reply, &s->scratch) != ERR_OK)
		return false;
	int n = snprintf(
		head, sizeof(head), "%sContent-Length: %zu\r\n\r\n", ok, s->scratch.len / 2);
	buf_init(&whole, HEAD_MAX + s->scratch.len);
	buf_append(&whole, head, (size_t)n);
	buf_append(&whole, s->scratch.bytes, s->scratch.len);
	conn_send(a->conn, whole.bytes, whole.len);
	buf_clear(&whole);
	return false;
}

/* A body of so many MiB, all spaces: JSON may begin so. */
static bool flood_piece(struct server *s, struct answer *a)
{
	const double all = a->reply.ask.how.flood_mb * (1 << 20);
	char piece[PIECE];

	memset(piece, ' ', sizeof(piece));
	if (a->mischief == 0) {
		int n = snprintf(piece, sizeof(piece), "%sContent-Length: %.0f\r\n\r\n", ok, all);

		conn_send(a->conn, piece, (size_t)n);
		memset(piece, ' ', sizeof(piece));
	}
	conn_send(a->conn, piece, sizeof(piece));
	a->mischief += PIECE;
	return a->mischief < all;
}

static bool (*mischief_of(const struct behaviour *how))(struct server *s, struct answer *a)
{
	if (how->headers > 0)
		return headers_piece;
	if (how->gzip > 0)
		return gzip_piece;
	if (how->short_length > 0)
		return short_piece;
	return how->flood_mb > 0 ? flood_piece : NULL;
}

bool mischief_wanted(const struct behaviour *how)
{
	return mischief_of(how) != NULL;
}

void mischief_step(struct server *s, struct answer *a)
{
	if (mischief_of(&a->reply.ask.how)(s, a)) {
		answer_again(s, a);
		return;
	}
	a->conn->closing = true;
	answer_end(s, a, OUTCOME_malformed, 200);
}
