/* metrics.h - GET /metrics: what an autoscaler and an alert need, in Prometheus' text.
 *
 * Counts of replies and their times are kept here, per row of the table of routes
 * (never per path: ids would make a series each). Queues and workers are the
 * record's, as the leader counted them. No tenant stands in a label.
 *
 * Threads: counting from any (atomics).  Memory: fixed. */
#ifndef ADMIN_METRICS_H
#define ADMIN_METRICS_H

#include "http/request.h"
#include "record/record.h"

struct metrics;

MUST_CHECK enum err metrics_new(struct metrics **ret_metrics);
void metrics_free(struct metrics *m);
/* server_done_fn */
void metrics_count(struct producer *producer, const struct request *r, int64_t us);
void metrics_get(struct request *r);

extern const struct record_op metrics_op;

#endif
