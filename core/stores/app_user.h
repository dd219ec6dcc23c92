/* app_user.h - the persons and programs that a tenant knows by name, and what they hold.
 *
 * A user is never removed by these calls, only disabled: its jobs name it. Changes are
 * made against a version, as roles' are, and by who is believed: ERR_UNAUTHORIZED (role.h).
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_APP_USER_H
#define STORES_APP_USER_H

#include "ports/db.h"
#include "stores/audit.h"

enum { APP_USER_NAME_MAX = 79 }; /* bytes */

struct app_user {
	struct id id;
	const char *name;
	const char *roles;		 /* with spaces between, in order */
	int64_t created_ms, disabled_ms; /* 0 = not */
};
typedef void app_user_done(void *ctx, enum err e, const struct app_user *users, size_t n);

/* By name, keyset after a name (NULL = from the start), at most limit. */
MUST_CHECK enum err app_user_list(struct db *db, struct id tenant, const char *after, size_t limit,
	app_user_done *done, void *ctx);
/* n = 0 when there is none. */
MUST_CHECK enum err app_user_find(
	struct db *db, struct id tenant, const char *name, app_user_done *done, void *ctx);

struct app_user_change {
	struct id tenant;
	int64_t version;
	const char *name; /* made when there is none */
	bool has_roles, has_disabled;
	const char *const *roles; /* instead of those it has */
	size_t roles_n;
	bool disabled;
};
/* n = 1: as it is now. ERR_CONFLICT: another change came first. */
MUST_CHECK enum err app_user_put(struct db *db, const struct app_user_change *change,
	const struct audit_actor *by, app_user_done *done, void *ctx);

/* Everybody who holds one role gets another instead: a page of at most limit users behind after
 * (zero: from the start), in one statement. */
struct app_user_move {
	struct id tenant, after;
	int64_t version;
	const char *from, *to;
	size_t limit;
};
/* last: the last user of the page; version: what stands now. ERR_CONFLICT: another came first. */
typedef void app_user_move_done(
	void *ctx, enum err e, int64_t moved, struct id last, int64_t version);
MUST_CHECK enum err app_user_move_page(struct db *db, const struct app_user_move *move,
	const struct audit_actor *by, app_user_move_done *done, void *ctx);

#endif
