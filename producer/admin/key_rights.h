/* key_rights.h - what a key would hold, judged before it is made or gets a successor.
 *
 * Its roles can be held together, and none of a tenant's key is an operator's. Who is no
 * operator gives no more than he has: all that the roles allow (those of the user that the
 * key acts for, if it does), and who comes with scopes makes keys with no other scopes. So it
 * is for a successor as well, which is shown to who makes it.
 *
 * Threads: as other calls.  Memory: the request's. */
#ifndef ADMIN_KEY_RIGHTS_H
#define ADMIN_KEY_RIGHTS_H

#include "admin/tenant_call.h"

/* What a tenant's key has when nothing else is said. */
#define KEY_ROLES_USUAL "service"

/* Of a request that is parked: judges t's user or holder, roles and scopes, then goes on with
 * then. ERR_NOT_FOUND is answered here: there is no such user. */
void key_rights_check(struct tenant_call *t, void (*then)(struct record_call *call));
/* From then. True: it may not be, and that was answered. */
bool key_rights_refused(struct tenant_call *t);

extern const struct record_op api_key_user_op, api_key_roles_op;

#endif
