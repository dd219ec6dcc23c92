/* revocation_entries.h - what is revoked, seen and taken back: by operators, and by a tenant's own
 * people what is their tenant's.
 *
 *   GET    /v1/revocations?tenant=&limit=&after=   those that stand, newest first
 *   DELETE /v1/revocations/{id}                    204; 409 for a token's, a family's or a key's
 *
 * A tenant's own people take back what their tenant's people revoked, but for what is meant for the
 * one who asks, or for all of the tenant: 403, and for an operator's.
 *
 * Every producer hears of what was taken back as it heard of it before, within 5 s. What ended
 * meanwhile stays ended: families that were refreshed, jobs that failed. A credential's entry is
 * not taken back, as its family or key has ended in the record.
 *
 * Threads: the servers', lanes.  Memory: the requests'. */
#ifndef ADMIN_REVOCATION_ENTRIES_H
#define ADMIN_REVOCATION_ENTRIES_H

#include "http/request.h"
#include "record/record.h"

struct revocation_entry;

void revocations_get(struct request *r);
void revocations_delete(struct request *r);
/* An entry as it is shown. */
void revocation_entry_put(struct buf *out, const struct revocation_entry *entry);

extern const struct record_op revocation_list_op, revocation_get_op, revocation_take_op;

#endif
