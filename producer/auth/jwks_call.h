/* jwks_call.h - GET /.well-known/jwks.json: the keys by which our tokens are verified.
 *
 * Threads: the servers'.  Memory: the request's. */
#ifndef AUTH_JWKS_CALL_H
#define AUTH_JWKS_CALL_H

#include "http/request.h"

void jwks_call(struct request *r);

#endif
