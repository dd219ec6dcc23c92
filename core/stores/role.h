/* role.h - a tenant's own roles, written.
 *
 * Reading them is access.h. Every change is made against the version at which it was
 * checked (access_sql.h): ERR_CONFLICT means that another came first, ERR_UNAUTHORIZED that
 * who makes it is believed no longer (believed.h), and nothing was changed; of the first, check
 * again.
 *
 * Threads: the connection's.  Memory: arguments are copied. */
#ifndef STORES_ROLE_H
#define STORES_ROLE_H

#include "ports/db.h"
#include "stores/audit.h"

struct role_change {
	struct id tenant;
	int64_t version;
	const char *name;
	const char *const *parents; /* in their order */
	size_t parents_n;
	const char *const *rules;
	size_t rules_n;
};
typedef void role_done(void *ctx, enum err e);

/* Makes it, or replaces its parents and rules. */
MUST_CHECK enum err role_put(struct db *db, const struct role_change *change,
	const struct audit_actor *by, role_done *done, void *ctx);
/* Only name, tenant and version count. Whether it is held is the caller's to ask first
 * (role_holders). */
MUST_CHECK enum err role_remove(struct db *db, const struct role_change *change,
	const struct audit_actor *by, role_done *done, void *ctx);

/* How many hold a role itself (not through another), each counted up to ROLE_HOLDERS_MAX. */
enum { ROLE_HOLDERS_MAX = 1000000 };
typedef void role_holders_done(void *ctx, enum err e, int64_t users, int64_t keys);
MUST_CHECK enum err role_holders(
	struct db *db, struct id tenant, const char *role, role_holders_done *done, void *ctx);

#endif
