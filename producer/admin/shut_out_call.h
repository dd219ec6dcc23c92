/* shut_out_call.h - dry runs of the calls that end keys and tokens: who would be shut out.
 *
 * A call asked with dry_run goes the way that it goes otherwise, with all that may refuse it, up
 * to the statement that writes: in its place who would be shut out is counted, and told:
 *
 *   {"object": "change", "dry_run": true, ..., "keys", "users", "families", "yourself"}
 *
 * yourself: the credential that the call was made with is among them.
 *
 * Threads: as other calls.  Memory: the request's. */
#ifndef ADMIN_SHUT_OUT_CALL_H
#define ADMIN_SHUT_OUT_CALL_H

#include "admin/tenant_call.h"

/* What nobody can know ahead, and is told as null: a bit each. */
enum { UNKNOWN_KEYS = 1, UNKNOWN_USERS = 2, UNKNOWN_FAMILIES = 4 };

/* Counts whom t->ends would shut out, into t->shut_out. */
extern const struct record_op shut_out_op;
/* The head of the answer; what follows begins with a comma. */
struct buf *shut_out_begin(struct tenant_call *t);
/* Its end, and the request goes on. */
void shut_out_end(struct tenant_call *t, unsigned unknown);

#endif
