/* limit_plan.h - plans of limits, of requests and of tokens, and which tenant has which.
 *
 * Producers keep all plans, and which tenants have one; they ask for what changed
 * (limit_plan_news) all the time. No change of a tenant's plan is missed, however long
 * its transaction took, by whoever asks next from the oldest transaction that had not
 * ended when the first page of this time was read.
 *
 * Workers need the limits of tokens alone, and who has which plan only while there are any
 * (limit_token_news).
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_LIMIT_PLAN_H
#define STORES_LIMIT_PLAN_H

#include "domain/limit_check.h"
#include "ports/db.h"
#include "stores/audit.h"

enum { LIMIT_ROWS_MAX = 4096, LIMIT_TENANTS_PAGE = 1000, LIMIT_VERSION_MAX = 33 };

/* ---- for producers ---- */

/* Where the last page ended; or a change alone: whatever came with it or later. Zeroed: all. */
struct limit_mark {
	int64_t change;
	struct id tenant;
};
struct limit_tenant {
	struct id tenant;
	const char *plan; /* "" = none any more */
};
struct limit_news {
	const struct limit_row *rows; /* of all plans, by name */
	size_t rows_n;
	const struct limit_tenant *tenants;
	size_t tenants_n;
	struct limit_mark last; /* has_more: the page ended there */
	bool has_more;
	int64_t oldest;	   /* no transaction under way began before it */
	int64_t producers; /* that said lately that they live; at least 1 */
};
typedef void limit_news_done(void *ctx, enum err e, const struct limit_news *news);
MUST_CHECK enum err limit_plan_news(
	struct db *db, const struct limit_mark *mark, limit_news_done *done, void *ctx);

/* Where a reader stands; zeroed: at the beginning. */
struct limit_reading {
	struct limit_mark mark; /* to ask from */
	bool paging;		/* this time has further pages */
	int64_t oldest;		/* of the first page of this time */
};
/* After a page was taken. */
void limit_reading_move(struct limit_reading *at, const struct limit_news *news);

/* ---- for workers ---- */

/* mark NULL: the limits alone. Told are rows, rows_n and, with a mark, the tenants' part. */
MUST_CHECK enum err limit_token_news(
	struct db *db, const struct limit_mark *mark, limit_news_done *done, void *ctx);

/* ---- for operators ---- */

typedef void limit_rows_done(
	void *ctx, enum err e, const struct limit_row *rows, size_t n, const char *version);
/* All of them, by plan, level and role; and a version, for a change that was judged by them. */
MUST_CHECK enum err limit_plan_list(struct db *db, limit_rows_done *done, void *ctx);

struct limit_change {
	struct limit_row row;
	bool remove;
	bool dry_run;	     /* nothing is written */
	const char *version; /* of the rows by which it was judged */
	struct audit_actor by;
};
/* What a change does, or would do. */
struct limit_effect {
	bool was; /* there was such a limit: before */
	struct request_limit before;
	int64_t tenants; /* that have the plan; of the default one: all tenants */
};
typedef void limit_effect_done(void *ctx, enum err e, const struct limit_effect *effect);
/*   ERR_NOT_FOUND  remove: there is no such limit
 *   ERR_CONFLICT   as many limits stand as may, or they are others by now
 *   ERR_UNAUTHORIZED  by is believed no longer (believed.h) */
MUST_CHECK enum err limit_plan_change(
	struct db *db, const struct limit_change *change, limit_effect_done *done, void *ctx);

/* A tenant's plan: "" when it has none. */
typedef void limit_tenant_done(void *ctx, enum err e, const char *plan);
MUST_CHECK enum err limit_tenant_get(
	struct db *db, struct id tenant, limit_tenant_done *done, void *ctx);
/* plan NULL: none. Tells the one before.   ERR_NOT_FOUND: no limit is in a plan of this name.
 * ERR_UNAUTHORIZED: by is believed no longer (believed.h). */
MUST_CHECK enum err limit_tenant_set(struct db *db, struct id tenant, const char *plan,
	const struct audit_actor *by, limit_tenant_done *done, void *ctx);
/* The same, and nothing is written. */
MUST_CHECK enum err limit_tenant_try(
	struct db *db, struct id tenant, const char *plan, limit_tenant_done *done, void *ctx);

#endif
