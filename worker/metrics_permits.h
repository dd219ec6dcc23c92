/* metrics_permits.h - breakers, limits, keys and budgets of upstreams, for the metrics' page.
 *
 * By upstream and key, of those that the configuration names: models are callers' words
 * and no label. A limit or breaker of many models is told by the worst of them.
 *
 * Threads: the loop's. */
#ifndef WORKER_METRICS_PERMITS_H
#define WORKER_METRICS_PERMITS_H

#include "domain/metric.h"

struct worker;

/* Leaves all out when memory is short. */
void metrics_permits(struct metric_text *text, const struct worker *w);

#endif
