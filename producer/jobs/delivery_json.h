/* delivery_json.h - a job's deliveries as the API shows them (?expand=deliveries).
 *
 * Threads: pure.  Memory: appends to the caller's buffer, whose error tells. */
#ifndef JOBS_DELIVERY_JSON_H
#define JOBS_DELIVERY_JSON_H

#include "ground/buf.h"
#include "stores/delivery.h"

/* A list of deliveries, each with its attempts; rows are log lines that stand together by
 * delivery. */
void delivery_json_list(struct buf *out, const struct delivery_row *rows, size_t n);

#endif
