/* token_call.h - POST /v1/auth/token.
 *
 * Three ways to a token, a row each: client_credentials (RFC 6749, 4.4) for who has an
 * API key, token exchange (RFC 8693) for who has a token of a registered issuer or of
 * ours, refresh_token with rotation. Whatever is given is a token of ours, so that one
 * list of revocations reaches all of them.
 *
 * Threads: server's, then a lane's.  Memory: the request's. */
#ifndef AUTH_TOKEN_CALL_H
#define AUTH_TOKEN_CALL_H

#include "http/request.h"
#include "record/record.h"

void token_call(struct request *r);

extern const struct record_op refresh_begin_op, refresh_use_op;

#endif
