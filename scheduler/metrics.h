/* metrics.h - this scheduler's page of metrics, written when it is asked for.
 *
 * What belongs to the leader (the queues, the duties' work) is told only while it
 * leads: of several schedulers exactly one tells it. A duty that waits for Postgres
 * keeps a page waiting as long.
 *
 * Threads: the scheduler's.  Memory: one struct with room for all queues. */
#ifndef SCHEDULER_METRICS_H
#define SCHEDULER_METRICS_H

#include "ground/err.h"
#include "stores/queue.h"

struct leader;
struct metrics;

MUST_CHECK enum err metrics_new(struct metrics **ret_metrics);
/* Serves them at scheduler.metrics_listen, if there is one. Logs why it fails. */
MUST_CHECK enum err metrics_serve(struct metrics *metrics, struct leader *leader);
/* Before the leader's parts. NULL is fine. */
void metrics_free(struct metrics *metrics);

/* The queues as they were just counted. */
void metrics_queues(struct metrics *metrics, const struct queue *queues, size_t n);
/* A run of the duty in this place of the table. */
void metrics_duty(struct metrics *metrics, size_t duty, enum err e, int64_t us);

#endif
