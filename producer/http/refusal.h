/* refusal.h - the library's own refusals, told in our words where it lets us.
 *
 * libmicrohttpd answers some requests itself, with a bare HTML page that no option
 * replaces, and tells of it through its log alone: on the connection's own thread,
 * just before the page is queued. The log names no connection. But when the head
 * had been read to its end (a Content-Length that is no number or too large,
 * cookies that find no room), the refused connection is the only one of its thread
 * with a complete head that no handler has seen. There we write the problem
 * document ourselves and close our half of the connection, so that the page (which
 * 0.9.75 begins twice in this case) finds no way out.
 *
 * Before the head's end the connection is one of many, and the page stays: a
 * malformed request line or header, a head beyond connection_bytes, another
 * version of HTTP; and so it does for a malformed chunk behind a good head. It comes
 * once, and the connection is closed. The library does tell a connection with each request
 * line it has read, but the header that it refuses may be of a line read earlier: who
 * answered to the last one would some day refuse a stranger.
 *
 * Should another release of the library word its log differently, its page is sent.
 *
 * Threads: the library's.  Memory: none. */
#ifndef HTTP_REFUSAL_H
#define HTTP_REFUSAL_H

#include "http/connections.h"

#include <stdarg.h>

/* MHD_OPTION_EXTERNAL_LOGGER; connections is a struct connections. */
void refusal_told(void *connections, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

#endif
