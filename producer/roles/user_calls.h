/* user_calls.h - a tenant's users, and what they hold.
 *
 *   GET  /v1/users?limit=&after=
 *   GET  /v1/users/{name}
 *   PUT  /v1/users/{name}?dry_run=true {"roles"?: [], "disabled"?: bool}   made when there is none
 *   POST /v1/roles/{name}/move?dry_run=true {"to": "role"}    everybody who holds it
 *
 * A dry run tells what the user would gain and lose, how many keys and families of refresh
 * tokens act for it, and whether it is the caller; it is refused as the call is, and writes
 * nothing.
 *
 * Operators do the same for any tenant, under /v1/tenants/{name}.
 *
 * A move goes by pages, each a commit of its own, for USERS_MOVE_MS at most: has_more says
 * that it is to be called again. Until then the others hold what they held.
 *
 * Threads: the servers', lanes.  Memory: the requests'. */
#ifndef ROLES_USER_CALLS_H
#define ROLES_USER_CALLS_H

#include "http/request.h"
#include "record/record.h"

enum { USERS_MOVE_MS = 20000, USERS_MOVE_PAGE = 2000 };

void users_get(struct request *r);
void user_get(struct request *r);
void user_put_call(struct request *r);
void role_move_call(struct request *r);

extern const struct record_op user_list_op, user_find_op, user_put_op, user_move_op;

#endif
