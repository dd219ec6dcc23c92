/* revoke_call.h - POST /v1/auth/revoke (RFC 7009): who holds a token may end it.
 *
 * That is all the proof that is asked for, so a thief can at most give up what he stole.
 *
 * Threads: server's, then a lane's.  Memory: the request's. */
#ifndef AUTH_REVOKE_CALL_H
#define AUTH_REVOKE_CALL_H

#include "http/request.h"
#include "record/record.h"

void revoke_call(struct request *r);

extern const struct record_op refresh_end_op, revoke_token_op;

#endif
