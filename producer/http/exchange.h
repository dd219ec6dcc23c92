/* exchange.h - the stages of one request, as the library's thread walks them. See request.h.
 *
 * Threads: the library's.  Memory: a request is made with its head and freed when it is over. */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include <microhttpd.h>

/* The library's handler and its end-of-request notice. */
enum MHD_Result exchange_turn(void *server, struct MHD_Connection *connection, const char *path,
	const char *method, const char *version, const char *bytes, size_t *len, void **request);
void exchange_over(void *server, struct MHD_Connection *connection, void **request,
	enum MHD_RequestTerminationCode why);

#endif
