/* process.h - what the kernel says of this process.
 *
 * Threads: any. */
#ifndef PORTS_PROCESS_H
#define PORTS_PROCESS_H

#include "domain/metric.h"

/* Version, start, processor time and memory. */
void process_metrics(struct metric_text *text);

#endif
