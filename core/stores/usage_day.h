/* usage_day.h - what was used and what it cost, summed up by day.
 *
 * The sums are written in the transactions that end attempts (finish.h), so they
 * are exact and outlive the jobs. A day is UTC's; an attempt counts on the day on
 * which it ended. What is not asked to be told apart is added together.
 *
 * Threads: the connection's.  Memory: rows die with the callback. */
#ifndef STORES_USAGE_DAY_H
#define STORES_USAGE_DAY_H

#include "ports/db.h"

enum { USAGE_DAY_MAX = 10000 };
enum usage_by {
	USAGE_BY_DAY = 1,
	USAGE_BY_QUEUE = 2,
	USAGE_BY_UPSTREAM = 4,
	USAGE_BY_MODEL = 8,
	USAGE_BY_TENANT = 16
};

struct usage_ask {
	struct id tenant;	    /* zero = all tenants */
	const char *first, *beyond; /* days, "2026-01-31": from first to before beyond */
	int by;			    /* USAGE_BY_ bits */
};

/* Texts are "" where the row adds up several. */
struct usage_row {
	const char *day, *queue, *upstream, *model, *tenant;
	int64_t attempts, estimated; /* estimated: how many of them the upstream did not count */
	int64_t input_tokens, output_tokens, cost_nano;
};
/* At most USAGE_DAY_MAX + 1 rows, in the order day, tenant, queue, upstream, model. */
typedef void usage_day_done(void *ctx, enum err e, const struct usage_row *rows, size_t n);
MUST_CHECK enum err usage_day_read(
	struct db *db, const struct usage_ask *ask, usage_day_done *done, void *ctx);

#endif
