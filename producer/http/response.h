/* response.h - a request's reply, or its stream, as the library sends it.
 *
 * Threads: the request's server thread.  Memory: the library owns the bytes from here on. */
#ifndef HTTP_RESPONSE_H
#define HTTP_RESPONSE_H

#include "http/request.h"

struct MHD_Response;

/* With every header it goes out with; the caller destroys it. A stream is the response's from now
 * on. NULL: no memory. */
MUST_CHECK struct MHD_Response *response_make(struct request *r);

#endif
