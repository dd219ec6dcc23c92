#include "admin/metrics.h"

#include "call.h"
#include "ground/clock.h"
#include "jobs/live.h"
#include "ports/scratch.h"
#include "producer.h"
#include "publish.h"
#include "queues.h"
#include "stores/worker_row.h"

#include <stdlib.h>
#include <string.h>

enum { ROUTES_MAX = 64, CODES = 24, BUCKETS = 13, WORKERS_MAX = 1000 };

static const int codes[CODES] = {200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 408, 409, 413,
	422, 429, 431, 500, 501, 502, 503, 504};
/* Upper ends in microseconds; the last one is infinity. */
static const int64_t bounds_us[BUCKETS] = {500, 1000, 2000, 5000, 10000, 20000, 50000, 100000,
	250000, 500000, 1000000, 10000000, INT64_MAX};

struct route_counts {
	_Atomic uint64_t codes[CODES]; /* the last: any other */
	_Atomic uint64_t buckets[BUCKETS];
	_Atomic uint64_t us;
};

struct metrics {
	struct route_counts routes[ROUTES_MAX]; /* the last: no route */
};

enum err metrics_new(struct metrics **ret_metrics)
{
	*ret_metrics = calloc(1, sizeof **ret_metrics);
	return *ret_metrics ? ERR_OK : ERR_NOMEM;
}

void metrics_free(struct metrics *m)
{
	free(m);
}

void metrics_count(struct producer *producer, const struct request *r, int64_t us)
{
	size_t route = ROUTES_MAX - 1, code = 0, bucket = 0;
	struct route_counts *c;

	if (r->match.route)
		route = (size_t)(r->match.route - producer_routes);
	while (code < CODES - 1 && codes[code] != r->reply.status)
		code++;
	while (bounds_us[bucket] < us)
		bucket++;
	c = &producer->metrics->routes[route];
	c->codes[code]++;
	c->buckets[bucket]++;
	c->us += (uint64_t)us;
}

/* ---- writing ---- */

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
	(void)buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void single(struct buf *out, const char *name, const char *help, int64_t value)
{
	head(out, name, "gauge", help);
	(void)buf_printf(out, "%s %lld\n", name, (long long)value);
}

/* route="POST /v1/jobs" */
static void label(struct buf *out, size_t route)
{
	if (route == ROUTES_MAX - 1)
		(void)buf_text(out, "route=\"none\"");
	else
		(void)buf_printf(out, "route=\"%s %s\"", producer_routes[route].method,
			producer_routes[route].pattern);
}

static bool used(const struct route_counts *c)
{
	for (size_t i = 0; i < BUCKETS; i++)
		if (c->buckets[i])
			return true;
	return false;
}

static void codes_put(struct buf *out, const struct metrics *m)
{
	head(out, "longhaul_http_replies_total", "counter", "Replies by route and status.");
	for (size_t r = 0; r < ROUTES_MAX; r++)
		for (size_t i = 0; i < CODES; i++) {
			uint64_t n = m->routes[r].codes[i];

			if (!n)
				continue;
			(void)buf_text(out, "longhaul_http_replies_total{");
			label(out, r);
			(void)buf_printf(
				out, ",code=\"%d\"} %llu\n", codes[i], (unsigned long long)n);
		}
}

static void histogram_put(struct buf *out, const struct route_counts *c, size_t route)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < BUCKETS; i++) {
		sum += c->buckets[i];
		(void)buf_text(out, "longhaul_http_reply_seconds_bucket{");
		label(out, route);
		if (i == BUCKETS - 1)
			(void)buf_text(out, ",le=\"+Inf\"}");
		else
			(void)buf_printf(out, ",le=\"%g\"}", (double)bounds_us[i] / 1e6);
		(void)buf_printf(out, " %llu\n", (unsigned long long)sum);
	}
	(void)buf_text(out, "longhaul_http_reply_seconds_sum{");
	label(out, route);
	(void)buf_printf(out, "} %g\nlonghaul_http_reply_seconds_count{", (double)c->us / 1e6);
	label(out, route);
	(void)buf_printf(out, "} %llu\n", (unsigned long long)sum);
}

static void http_put(struct buf *out, const struct metrics *m)
{
	codes_put(out, m);
	head(out, "longhaul_http_reply_seconds", "histogram",
		"From the request's head to the end of its reply.");
	for (size_t r = 0; r < ROUTES_MAX; r++)
		if (used(&m->routes[r]))
			histogram_put(out, &m->routes[r], r);
}

static void record_put(struct buf *out, const struct record *record)
{
	static const struct {
		const char *name, *help;
	} series[] = {{"longhaul_record_batches_total", "Transactions by operation."},
		{"longhaul_record_items_total", "Requests served by them."},
		{"longhaul_record_failed_total", "Requests whose transaction failed."},
		{"longhaul_record_busy_seconds_total", "Time from a batch's start to its end."}};

	for (size_t s = 0; s < sizeof series / sizeof *series; s++) {
		head(out, series[s].name, "counter", series[s].help);
		for (size_t i = 0; producer_ops[i]; i++) {
			struct record_counts c;

			record_counts_read(record, i, &c);
			const double values[] = {(double)c.batches, (double)c.items,
				(double)c.failed, (double)c.us / 1e6};

			if (c.batches || c.failed)
				(void)buf_printf(out, "%s{operation=\"%s\"} %.15g\n",
					series[s].name, producer_ops[i]->name, values[s]);
		}
	}
}

static void queue_series(struct buf *out, const struct queues_view *v, const char *name,
	const char *help, double (*value)(const struct queue *q))
{
	head(out, name, "gauge", help);
	for (size_t i = 0; v && i < v->n; i++)
		(void)buf_printf(out, "%s{queue=\"%s\"} %.15g\n", name, v->list[i].name_text,
			value(&v->list[i].queue));
}

static double queue_depth(const struct queue *q)
{
	return (double)q->queued;
}
static double queue_waiting(const struct queue *q)
{
	return (double)q->waiting;
}
static double queue_running(const struct queue *q)
{
	return (double)q->running;
}
static double queue_free(const struct queue *q)
{
	return (double)q->free_slots;
}
static double queue_paused(const struct queue *q)
{
	return q->paused;
}
static double queue_age(const struct queue *q)
{
	int64_t age_ms = q->oldest_ms ? clock_record_ms() - q->oldest_ms : 0;

	return age_ms > 0 ? (double)age_ms / 1000 : 0;
}

static void queues_put(struct buf *out, struct producer *p)
{
	struct queues_view *v = queues_hold(p->queues);

	queue_series(out, v, "longhaul_queue_depth", "Jobs that could run now.", queue_depth);
	queue_series(out, v, "longhaul_queue_waiting", "Jobs that are due later.", queue_waiting);
	queue_series(out, v, "longhaul_queue_running", "Jobs that run.", queue_running);
	queue_series(
		out, v, "longhaul_queue_free_slots", "Slots the fleet has for it.", queue_free);
	queue_series(out, v, "longhaul_queue_paused", "1 while it is paused.", queue_paused);
	queue_series(out, v, "longhaul_queue_oldest_age_seconds",
		"How long the oldest job that could run has waited.", queue_age);
	queues_view_release(v);
}

static void process_put(struct buf *out, struct producer *p)
{
	single(out, "longhaul_record_up", "1 while Postgres takes commits.",
		record_is_up(p->record, RECORD_WRITES));
	single(out, "longhaul_kafka_up", "1 while Kafka takes messages.",
		publish_is_up(p->publish));
	single(out, "longhaul_redis_up", "1 while Redis answers.",
		live_scratch(p->live) ? scratch_is_up(live_scratch(p->live)) : 0);
	single(out, "longhaul_record_pending", "Requests waiting for the record.",
		(int64_t)record_pending(p->record));
	single(out, "longhaul_watchers", "Long polls and event streams.",
		(int64_t)live_watchers(p->live));
	single(out, "longhaul_connections", "Open connections of clients.",
		(int64_t)server_connections(p->public_server));
	single(out, "longhaul_draining", "1 while this producer stops.", p->draining);
}

/* ---- workers, and the call ---- */

static void workers_put(struct buf *out, const struct worker_row *rows, size_t n)
{
	int64_t live = 0, slots = 0, free_slots = 0, running = 0;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].state, "live") != 0 && strcmp(rows[i].state, "draining") != 0)
			continue;
		live++;
		slots += rows[i].slots;
		free_slots += rows[i].slots_free;
		running += rows[i].running;
	}
	single(out, "longhaul_workers", "Workers that live.", live);
	single(out, "longhaul_worker_slots", "Jobs they can hold.", slots);
	single(out, "longhaul_worker_slots_free", "Jobs they could take now.", free_slots);
	single(out, "longhaul_worker_running", "Jobs they hold.", running);
	head(out, "longhaul_worker_utilisation", "gauge", "Share of the slots that is taken.");
	(void)buf_printf(out, "longhaul_worker_utilisation %g\n",
		slots ? (double)(slots - free_slots) / (double)slots : 0.0);
}

static void workers_told(void *ctx, enum err e, const struct worker_row *rows, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e)
		workers_put(&call_of(batch)->r->reply.body, rows, n);
	record_batch_end(batch, ERR_OK);
}

static enum err workers_run(struct db *db, struct record_batch *batch)
{
	return worker_list(db, WORKERS_MAX, workers_told, batch);
}

const struct record_op metrics_op = {"metrics", RECORD_SLOW, 1, workers_run, NULL};

void metrics_get(struct request *r)
{
	struct producer *p = r->producer;
	struct call *call = call_new(r, sizeof *call);
	struct buf *out;

	if (!call)
		return;
	out = reply_json(&r->reply, 200);
	r->reply.type = "text/plain; version=0.0.4";
	http_put(out, p->metrics);
	process_put(out, p);
	record_put(out, p->record);
	queues_put(out, p);
	/* without the record its part is left out: the rest must stay readable then */
	if (record_is_up(p->record, RECORD_SLOW))
		call_start(call, &metrics_op);
}
