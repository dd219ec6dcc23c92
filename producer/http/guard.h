/* guard.h - refuses what two parsers might read in two ways.
 *
 * libmicrohttpd 0.9.75 accepts requests that a proxy in front of it may frame
 * otherwise: Content-Length together with Transfer-Encoding, two lengths, lines
 * that end in a bare LF, folded headers, NULs. It shows no raw bytes, but it
 * parses headers in place: names and values point into its read buffer, where
 * each CR, LF and colon became a NUL. So the bytes between two header lines tell
 * what stood there:
 *
 *    name NUL [blanks] value NUL NUL name ...    two NULs: CR LF, one: a bare LF
 *
 * More than two, or the next name elsewhere in memory, is a NUL in a value or a
 * folded line. Behind the last value stand four: its own end and the blank line's.
 * A target in absolute form names a host twice; only a path is taken. All of these
 * are refused with 400, and the connection is closed.
 *
 * What cannot be seen through this library: a bare LF at the very end of a head
 * when nothing follows it; lines before the request line that are empty or begin
 * with NUL (they are skipped); a request that it refused itself (refusal.h); chunk
 * extensions and trailers (both are dropped by it, never used by us).
 *
 * Threads: pure.  Memory: points into the request. */
#ifndef HTTP_GUARD_H
#define HTTP_GUARD_H

#include <stdbool.h>
#include <stddef.h>

enum { GUARD_HEADERS_MAX = 64 };

struct guard_header {
	const char *name, *value;
};

struct guard_head {
	const char *target; /* path, without its query */
	const char *version;
	struct guard_header headers[GUARD_HEADERS_MAX]; /* in the order they were sent */
	size_t n;
	size_t total; /* also those beyond GUARD_HEADERS_MAX */
};

/* Why the request is refused, as one sentence; NULL when it is fine. in_place: the strings still
 * lie in the read buffer, so look between them and at the four bytes behind the last. */
const char *guard_fault(const struct guard_head *head, bool in_place);
/* The value of a header that must come once at most; NULL when there is none. */
const char *guard_value(const struct guard_head *head, const char *name);

#endif
