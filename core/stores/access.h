/* access.h - what a decision about access needs: a tenant's roles, and what somebody holds.
 *
 * One transaction tells all of it, so that roles and holdings are of one moment. A
 * holder is an API key or a user; a key that acts for a user holds what the user does.
 *
 * Whoever keeps what was told here asks access_changed now and then: it tells the
 * tenants whose roles or users have changed since. No change is missed, however long
 * its transaction took: the mark is the oldest transaction that had not ended.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_ACCESS_H
#define STORES_ACCESS_H

#include "domain/role.h"
#include "ports/db.h"

/* Either told of one principal or of none. */
struct access_told {
	struct role_book *book; /* the callee's: taken by it, or freed by it */
	int64_t version;	/* of the tenant's roles and users; 0 = never changed */
	bool known;		/* the principal is there */
	bool welcome;		/* neither revoked nor disabled */
	const char *const *roles;
	size_t roles_n;
};
typedef void access_done(void *ctx, enum err e, const struct access_told *told);

/* principal: a key's or a user's id; zero: only the book is wanted. The tenant may be
 * AUDIT_SYSTEM_TENANT, whose book is the built-in roles. */
MUST_CHECK enum err access_load(
	struct db *db, struct id tenant, struct id principal, access_done *done, void *ctx);

/* The sets of several roles that users and keys of a tenant hold together: each once, as names with
 * spaces between, at most ACCESS_SETS_MAX. */
enum { ACCESS_SETS_MAX = 4096 };
typedef void access_sets_done(void *ctx, enum err e, const char *const *sets, size_t n);
MUST_CHECK enum err access_sets(struct db *db, struct id tenant, access_sets_done *done, void *ctx);

struct access_changed {
	struct id tenant;
	int64_t version;
};
/* mark: what to ask after the next time. n is ACCESS_CHANGED_MAX: there may be more, and whoever
 * keeps anything should forget all of it. ACCESS_FROM_NOW asks for nothing but the mark. */
enum { ACCESS_CHANGED_MAX = 1000 };
#define ACCESS_FROM_NOW INT64_MAX
typedef void access_changed_done(
	void *ctx, enum err e, const struct access_changed *changed, size_t n, int64_t mark);
MUST_CHECK enum err access_changed_since(
	struct db *db, int64_t mark, access_changed_done *done, void *ctx);

#endif
