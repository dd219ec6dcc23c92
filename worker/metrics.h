/* metrics.h - this worker's page of metrics, written when it is asked for.
 *
 * Threads: the loop's.  Memory: none kept. */
#ifndef WORKER_METRICS_H
#define WORKER_METRICS_H

#include "ground/err.h"

struct worker;

/* Serves them at worker.metrics_listen, if there is one. Logs why it fails. */
MUST_CHECK enum err metrics_open(struct worker *w);

#endif
