/* access_calls.h - what operators decide about who may come: issuers and revocations.
 *
 * Threads: server's, then a lane's.  Memory: the request's. */
#ifndef ADMIN_ACCESS_CALLS_H
#define ADMIN_ACCESS_CALLS_H

#include "http/request.h"
#include "record/record.h"

void issuers_post(struct request *r);
void issuers_get(struct request *r);
void issuers_delete(struct request *r);
void revocations_post(struct request *r);

extern const struct record_op issuer_insert_op, issuer_list_op, issuer_remove_op, revocation_put_op;

#endif
