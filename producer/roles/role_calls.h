/* role_calls.h - a tenant's roles: seen, written, removed.
 *
 *   GET    /v1/roles                              all of them, the built-in ones too
 *   GET    /v1/roles/{name}
 *   PUT    /v1/roles/{name}?dry_run=true {"parents": [], "rules": []}
 *   DELETE /v1/roles/{name}?dry_run=true          409 while somebody holds it or builds on it
 *
 * Operators do the same for any tenant, under /v1/tenants/{name}/roles. A dry run tells
 * what would be gained and lost, by how many users and keys, whether the caller would
 * lose something, and changes nothing.
 *
 * Threads: the servers', lanes.  Memory: the requests'. */
#ifndef ROLES_ROLE_CALLS_H
#define ROLES_ROLE_CALLS_H

#include "http/request.h"
#include "record/record.h"

void roles_get(struct request *r);
void role_get(struct request *r);
void role_put_call(struct request *r);
void role_delete_call(struct request *r);

extern const struct record_op role_put_op, role_remove_op;

#endif
