#include "domain/metric.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define ROW(row, name, type, ladder, labels, programs, help) \
	{name, METRIC_##type##_TYPE, HISTOGRAM_##ladder, labels, programs, help},
static const struct metric_row rows[] = {METRIC_TABLE(ROW)};
#undef ROW

static const char *const types[] = {
	[METRIC_COUNTER_TYPE] = "counter",
	[METRIC_GAUGE_TYPE] = "gauge",
	[METRIC_HISTOGRAM_TYPE] = "histogram",
};

const struct metric_row *metric_row(enum metric metric)
{
	return &rows[metric];
}

void metric_begin(struct metric_text *text, struct buf *out)
{
	*text = (struct metric_text){out, METRICS};
}

static void head(struct metric_text *text, enum metric metric)
{
	const struct metric_row *row = &rows[metric];

	if (text->open == metric)
		return;
	text->open = metric;
	buf_printf(text->out, "# HELP %s %s\n# TYPE %s %s\n", row->name, row->help, row->name,
		types[row->type]);
}

/* What a label's value may not hold as it is. */
static void put_escaped(struct buf *out, const char *value)
{
	for (; *value; value++) {
		if (*value == '\n')
			buf_text(out, "\\n");
		else if (*value == '"' || *value == '\\')
			buf_printf(out, "\\%c", *value);
		else
			buf_char(out, *value);
	}
}

/* {a="x",b="y",le="0.5"}: bound is NULL for what is no bucket. */
static void put_labels(
	struct buf *out, const char *names, const char *const *values, const char *bound)
{
	bool some = false;

	for (; *names && values && *values; values++) {
		size_t n = strcspn(names, " ");

		buf_char(out, some ? ',' : '{');
		buf_append(out, names, n);
		buf_text(out, "=\"");
		put_escaped(out, *values);
		buf_char(out, '"');
		names += n + (names[n] == ' ');
		some = true;
	}
	if (bound)
		buf_printf(out, "%cle=\"%s\"", some ? ',' : '{', bound);
	if (some || bound)
		buf_char(out, '}');
}

static void sample(struct metric_text *text, enum metric metric, const char *suffix,
	const char *const *labels, double value)
{
	const struct metric_row *row = &rows[metric];

	buf_printf(text->out, "%s%s", row->name, suffix);
	put_labels(text->out, row->labels, labels, NULL);
	buf_printf(text->out, " %.15g\n", value);
}

void metric_real(
	struct metric_text *text, enum metric metric, const char *const *labels, double value)
{
	head(text, metric);
	sample(text, metric, "", labels, value);
}

static void bucket(struct metric_text *text, enum metric metric, const char *const *labels,
	unsigned i, uint64_t n)
{
	const struct metric_row *row = &rows[metric];
	const int64_t bound = histogram_bound(row->ladder, i);
	char le[32] = "+Inf";

	if (bound != INT64_MAX)
		snprintf(le, sizeof(le), "%g", (double)bound / histogram_unit(row->ladder));
	buf_printf(text->out, "%s_bucket", row->name);
	put_labels(text->out, row->labels, labels, le);
	buf_printf(text->out, " %llu\n", (unsigned long long)n);
}

void metric_histogram(struct metric_text *text, enum metric metric, const char *const *labels,
	const struct histogram *h)
{
	uint64_t n = 0;

	head(text, metric);
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		n += h->buckets[i];
		bucket(text, metric, labels, i, n);
	}
	sample(text, metric, "_sum", labels, (double)h->sum / histogram_unit(rows[metric].ladder));
	sample(text, metric, "_count", labels, (double)n);
}

/* ---- docs/metrics.md ---- */

static const char introduction[] =
	"# Metrics\n\n"
	"Prometheus' text, at `GET /metrics` of each program:\n\n"
	"| program | address | who may read |\n"
	"| --- | --- | --- |\n"
	"| producer | `producer.admin_listen` | an operator's key |\n"
	"| worker | `worker.metrics_listen`, empty = none | whoever reaches it: bind it to a "
	"private address |\n"
	"| scheduler | `scheduler.metrics_listen`, empty = none | the same |\n\n"
	"Worker and scheduler answer `GET /healthz` there as well, for liveness probes: no answer "
	"means that\n"
	"the loop stands still.\n\n"
	"No label's values are a caller's to invent: no tenant, no job; models only once an "
	"upstream has\n"
	"answered for them, and 50 at most. A series without a value yet is left out. What several "
	"programs tell\n"
	"(the queues, the fleet) comes from the same rows of the record: take `max by (queue)`, "
	"never the sum.\n\n"
	"This page is written from the table in `core/domain/metric_rows*.h` by `make docs`.\n";

static void print_ladder(enum histogram_ladder ladder, const char *what, struct buf *out)
{
	buf_printf(out, "- %s:", what);
	for (unsigned i = 0; i + 1 < HISTOGRAM_BUCKETS; i++)
		buf_printf(out, " %g", (double)histogram_bound(ladder, i) / histogram_unit(ladder));
	buf_char(out, '\n');
}

static void print_row(const struct metric_row *row, struct buf *out)
{
	buf_printf(out, "| `%s` | %s | %s | %s | %s |\n", row->name, types[row->type],
		row->labels[0] ? row->labels : "-", row->programs, row->help);
}

enum err metric_print_reference(struct buf *out)
{
	buf_text(out, introduction);
	buf_text(out,
		"\n| name | type | labels | from | meaning |\n| --- | --- | --- | --- | --- |\n");
	for (size_t i = 0; i < METRICS; i++)
		print_row(&rows[i], out);
	buf_text(out, "\nUpper ends of the histograms' buckets:\n\n");
	print_ladder(HISTOGRAM_FAST, "seconds of our own work", out);
	print_ladder(HISTOGRAM_SLOW,
		"seconds in a queue, or of a call (`longhaul_queue_wait_seconds`, `longhaul_upstream_...`)",
		out);
	print_ladder(HISTOGRAM_SIZE, "jobs (`longhaul_claim_jobs`, `longhaul_finish_jobs`)", out);
	return buf_err(out);
}
