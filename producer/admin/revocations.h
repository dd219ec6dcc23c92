/* revocations.h - what was given ends before its time: any tenant's for operators, their tenant's
 * for a tenant's own people. What is revoked is seen and taken back in revocation_entries.h.
 *
 *   POST /v1/revocations?dry_run=true
 *     {"tenant"?, "user"? | "issuer"?, "sub"? | "token"? | "network"? | "everybody"?, "before"?}
 *
 * issuer and sub name somebody of a registered issuer as that one does; its tenant is known then.
 *
 * A key's id in the place of a user's means whom the key acts as: its user, or, when it acts for
 * none, the first key of its line of rotations, as its tokens and jobs do. The reply tells who that
 * is.
 *
 * A dry run counts what the record knows. Of a network it says whether the caller calls from there:
 * an operator's own key goes on (authority.c), a tenant's key that is used from there does not.
 *
 * Threads: the servers', lanes.  Memory: the requests'. */
#ifndef ADMIN_REVOCATIONS_H
#define ADMIN_REVOCATIONS_H

#include "http/request.h"
#include "record/record.h"

void revocations_post(struct request *r);

extern const struct record_op revocation_issuer_op, revocation_key_op, revocation_put_op;

#endif
