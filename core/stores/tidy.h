/* tidy.h - rows that have served their time.
 *
 * Leader's work, in pages: workers gone for a day with what hung on them, idempotency
 * keys past their day, revocations and families of refresh tokens past their end. What is
 * partitioned goes by the day (partition.h); a dispatch batch goes when it is closed (dispatch.h).
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it; arguments are
 * copied. */
#ifndef STORES_TIDY_H
#define STORES_TIDY_H

#include "stores/term.h"

/* Removes up to limit rows of each kind; call again while n >= limit. */
MUST_CHECK enum err tidy_page(
	struct db *db, int64_t term, size_t limit, term_work_done *done, void *ctx);

#endif
