/* metric.h - the metrics' table, and their text as Prometheus reads it.
 *
 * A program writes samples metric by metric; HELP and TYPE stand before a metric's
 * first. All samples of one metric come together (the text format wants it so),
 * and a metric without a sample leaves no trace.
 *
 *   metric_real(&text, METRIC_ATTEMPTS, METRIC_LABELS("primary", "ok"), 12);
 *
 * Format: Prometheus text exposition 0.0.4.
 *
 * Threads: one owner per text.  Memory: the caller's buffer; its first failure stays. */
#ifndef DOMAIN_METRIC_H
#define DOMAIN_METRIC_H

#include "domain/histogram.h"
#include "domain/metric_rows.h"
#include "domain/metric_rows_producer.h"
#include "domain/metric_rows_scheduler.h"
#include "domain/metric_rows_worker.h"
#include "ground/buf.h"

#include <stdbool.h>

#define METRIC_TABLE(X) METRIC_SHARED(X) METRIC_PRODUCER(X) METRIC_WORKER(X) METRIC_SCHEDULER(X)

#define METRIC_NAME(row, name, type, ladder, labels, programs, help) METRIC_##row,
enum metric { METRIC_TABLE(METRIC_NAME) METRICS };
#undef METRIC_NAME

enum metric_type { METRIC_COUNTER_TYPE, METRIC_GAUGE_TYPE, METRIC_HISTOGRAM_TYPE };

struct metric_row {
	const char *name;
	enum metric_type type;
	enum histogram_ladder ladder; /* HISTOGRAM_NONE: it is no histogram */
	const char *labels;	      /* their names, a blank between; "" = none */
	const char *programs;
	const char *help;
};

const struct metric_row *metric_row(enum metric metric);

#define METRIC_TYPE "text/plain; version=0.0.4; charset=utf-8"

struct metric_text {
	struct buf *out;
	enum metric open; /* the one whose head was written last; METRICS = none yet */
};

void metric_begin(struct metric_text *text, struct buf *out);
/* labels: values in the table's order, then NULL; NULL when it has none. */
#define METRIC_LABELS(...) ((const char *const[]){__VA_ARGS__, NULL})
void metric_real(
	struct metric_text *text, enum metric metric, const char *const *labels, double value);
void metric_histogram(struct metric_text *text, enum metric metric, const char *const *labels,
	const struct histogram *h);

/* docs/metrics.md. */
enum err metric_print_reference(struct buf *out);

#endif
