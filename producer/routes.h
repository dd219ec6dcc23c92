/* routes.h - the API, one row per call; and all that the producer asks of the record.
 *
 * Threads: constants. */
#ifndef ROUTES_H
#define ROUTES_H

#include "http/route.h"
#include "record/record.h"

/* All operations on the record, for record_open and the metrics. */
extern const struct record_op *const producer_ops[];
/* The API, one row per call. */
extern const struct route producer_routes[];

#endif
