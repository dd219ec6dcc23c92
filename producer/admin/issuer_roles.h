/* issuer_roles.h - what an issuer may make of its people: the roles that it maps to, judged before
 * it is registered.
 *
 * Nobody has an issuer give more than they may do themselves, their scopes included, and no
 * operator's role goes to a tenant's people. For an operator a role that is not there yet is one
 * that allows nothing; a tenant's own caller would have it given more than they have, later.
 *
 * Threads: as other calls.  Memory: the request's. */
#ifndef ADMIN_ISSUER_ROLES_H
#define ADMIN_ISSUER_ROLES_H

#include "admin/tenant_call.h"

/* Of the body's roles. What may not be stands in t->refusal and t->why then.
 *   ERR_NOMEM   it is not known whether they may */
MUST_CHECK enum err issuer_roles_judge(struct tenant_call *t, const struct role_book *book);

/* Judges by the tenant's roles as they are in the record. */
extern const struct record_op issuer_roles_op;

#endif
