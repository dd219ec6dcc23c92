/* limit_book.h - the plans of limits as a process remembers them, and which tenant has which.
 *
 * Of each level a tenant's own plan is asked, then the plan `default`. What a plan says may be
 * "free": that is an answer too, and the other one is not asked.
 *
 * Threads: a book has one owner, or a lock around it.  Memory: every plan, and a small entry for
 * each tenant that ever had one. */
#ifndef DOMAIN_LIMIT_BOOK_H
#define DOMAIN_LIMIT_BOOK_H

#include "domain/limit_check.h"
#include "ground/err.h"
#include "ground/id.h"

enum { LIMIT_BOOK_BUCKETS = 4096 };

struct limit_plan;
struct limit_plans {
	struct limit_plan *list; /* by name */
	size_t n;
};
struct limit_book_tenant;
struct limit_book {
	struct limit_plans plans;
	struct limit_book_tenant *tenants[LIMIT_BOOK_BUCKETS];
};

/* Zeroed = empty. */
void limit_book_clear(struct limit_book *book);
/* Makes plans of rows that come by plan, in the order of bytes; a level that is not known here is
 * not kept.   ERR_NOMEM */
MUST_CHECK enum err limit_plans_make(
	const struct limit_row *rows, size_t n, struct limit_plans *ret_plans);
void limit_plans_clear(struct limit_plans *plans);
/* A tenant has this plan from now on; "" = none any more.   ERR_NOMEM */
MUST_CHECK enum err limit_book_give(struct limit_book *book, struct id tenant, const char *plan);
void limit_book_forget_tenants(struct limit_book *book);

/* The two plans that may say something. */
struct limit_sources {
	const struct limit_plan *own, *usual;
};
/* Of a tenant; the zero id: of nobody. */
struct limit_sources limit_book_of(const struct limit_book *book, struct id tenant);
/* What they say of a level, and of a role where the level has roles; NULL: nothing. */
const struct request_limit *limit_sources_say(
	const struct limit_sources *s, enum limit_level level, const char *role);

#endif
