/* parked.h - jobs that were sent back to the record until they may call their upstream.
 *
 * They stand in the line of what they wait for (an upstream's key and model, or an
 * upstream's retries; the worker names it), each with a time to come again. The
 * times are the line's places: due.h gives each that falls due to the best rank.
 *
 * When more may call than the places foresaw, whoever notices has the first of the
 * line come now. Several who ask at once get neighbours, as rows that are locked or
 * due already are passed over.
 *
 * Threads: the connection's.  Memory: as store_call.h; arguments are copied. */
#ifndef STORES_PARKED_H
#define STORES_PARKED_H

#include "ports/db.h"

struct parked_line {
	struct id id;
	size_t n; /* so many may come; told: so many were still to come, and are called */
};
/* lines: as they were asked for, in that order. */
typedef void parked_done(void *ctx, enum err e, const struct parked_line *lines, size_t n);
/* One statement for all lines. ERR_NOMEM, or as db_begin. */
MUST_CHECK enum err parked_wake(
	struct db *db, const struct parked_line *lines, size_t n, parked_done *done, void *ctx);

#endif
