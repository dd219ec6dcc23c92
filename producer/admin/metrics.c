#include "admin/metrics.h"

#include "domain/metric.h"
#include "domain/scaling.h"
#include "ground/clock.h"
#include "http/server.h"
#include "http/shares.h"
#include "jobs/live.h"
#include "limits/limiter.h"
#include "loops.h"
#include "ports/process.h"
#include "ports/scratch.h"
#include "producer.h"
#include "publish.h"
#include "queues.h"
#include "record_call.h"
#include "routes.h"
#include "stores/worker_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROUTES_MAX = 160, CODES = 24, WORKERS_MAX = 1000 };

static const int codes[CODES] = {200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 408, 409, 413,
	422, 429, 431, 500, 501, 502, 503, 504};

struct route_counts {
	_Atomic uint64_t codes[CODES]; /* the last: any other */
	_Atomic uint64_t buckets[HISTOGRAM_BUCKETS];
	_Atomic int64_t us;
};

struct metrics {
	struct route_counts routes[ROUTES_MAX]; /* the last: no route, or one beyond */
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
	size_t route = ROUTES_MAX - 1, code = 0;
	struct route_counts *c;

	if (r->match.route && r->match.route - producer_routes < ROUTES_MAX - 1)
		route = (size_t)(r->match.route - producer_routes);
	while (code < CODES - 1 && codes[code] != r->reply.status)
		code++;
	c = &producer->metrics->routes[route];
	c->codes[code]++;
	c->buckets[histogram_bucket(HISTOGRAM_FAST, us)]++;
	c->us += us;
}

/* ---- writing ---- */

static void one(struct metric_text *text, enum metric metric, double value)
{
	metric_real(text, metric, NULL, value);
}

enum { ROUTE_TEXT_MAX = 128 };

/* Of the route: two listeners may have one of the same name. */
static const char *listener_text(size_t route)
{
	static const char *const names[] = {
		[ROUTE_PUBLIC] = "public", [ROUTE_ADMIN] = "admin", [ROUTE_BOTH] = "both"};

	return route == ROUTES_MAX - 1 ? "both" : names[producer_routes[route].listener];
}

/* "POST /v1/jobs" */
static const char *route_text(size_t route, char out[ROUTE_TEXT_MAX])
{
	const struct route *r = &producer_routes[route];

	if (route == ROUTES_MAX - 1)
		return "none";
	(void)snprintf(out, ROUTE_TEXT_MAX, "%s %s", r->method, r->pattern);
	return out;
}

static void codes_put(struct metric_text *text, const struct route_counts *c, size_t route)
{
	char name[ROUTE_TEXT_MAX], code[16];

	for (size_t i = 0; i < CODES; i++) {
		if (!c->codes[i])
			continue;
		(void)snprintf(code, sizeof code, "%d", codes[i]);
		metric_real(text, METRIC_HTTP_REPLIES,
			METRIC_LABELS(listener_text(route), route_text(route, name),
				codes[i] ? code : "other"),
			(double)c->codes[i]);
	}
}

static void times_put(struct metric_text *text, const struct route_counts *c, size_t route)
{
	struct histogram h = {.sum = c->us};
	char name[ROUTE_TEXT_MAX];

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++)
		h.buckets[i] = c->buckets[i];
	if (histogram_count(&h))
		metric_histogram(text, METRIC_HTTP_SECONDS,
			METRIC_LABELS(listener_text(route), route_text(route, name)), &h);
}

static void http_put(struct metric_text *text, const struct metrics *m)
{
	for (size_t r = 0; r < ROUTES_MAX; r++)
		codes_put(text, &m->routes[r], r);
	for (size_t r = 0; r < ROUTES_MAX; r++)
		times_put(text, &m->routes[r], r);
}

static void record_series(struct metric_text *text, const struct record *record, size_t series)
{
	static const enum metric metrics[] = {METRIC_RECORD_BATCHES, METRIC_RECORD_ITEMS,
		METRIC_RECORD_FAILED, METRIC_RECORD_BUSY};

	for (size_t i = 0; producer_ops[i]; i++) {
		struct record_counts c;

		record_counts_read(record, i, &c);
		const double values[] = {
			(double)c.batches, (double)c.items, (double)c.failed, (double)c.us / 1e6};

		if (c.batches || c.failed)
			metric_real(text, metrics[series], METRIC_LABELS(producer_ops[i]->name),
				values[series]);
	}
}

static void record_put(struct metric_text *text, const struct record *record)
{
	for (size_t series = 0; series < 4; series++)
		record_series(text, record, series);
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

static double slots_wanted(const struct queues_view *v)
{
	int64_t wanted = 0;

	for (size_t i = 0; i < v->n; i++) {
		const struct queue *q = &v->list[i].queue;

		wanted += scaling_slots_wanted(&(struct scaling_queue){.ready = q->queued,
			.running = q->running,
			.concurrency = q->concurrency,
			.rate = q->rate,
			.paused = q->paused});
	}
	return (double)wanted;
}

static void queues_put(struct metric_text *text, struct producer *p)
{
	static const struct {
		enum metric metric;
		double (*value)(const struct queue *q);
	} series[] = {{METRIC_QUEUE_DEPTH, queue_depth}, {METRIC_QUEUE_WAITING, queue_waiting},
		{METRIC_QUEUE_RUNNING, queue_running}, {METRIC_QUEUE_FREE_SLOTS, queue_free},
		{METRIC_QUEUE_PAUSED, queue_paused}, {METRIC_QUEUE_OLDEST, queue_age}};
	struct queues_view *v = queues_hold(p->queues);

	for (size_t s = 0; v && s < sizeof series / sizeof *series; s++)
		for (size_t i = 0; i < v->n; i++)
			metric_real(text, series[s].metric, METRIC_LABELS(v->list[i].name_text),
				series[s].value(&v->list[i].queue));
	if (v)
		one(text, METRIC_SLOTS_WANTED, slots_wanted(v));
	queues_view_release(v);
}

static void process_put(struct metric_text *text, struct producer *p)
{
	struct scratch *redis = live_scratch(p->live);

	process_metrics(text);
	one(text, METRIC_RECORD_UP, record_is_up(p->record, RECORD_WRITES));
	if (p->config->kafka.brokers[0])
		one(text, METRIC_KAFKA_UP, publish_is_up(p->publish));
	if (redis)
		one(text, METRIC_REDIS_UP, scratch_is_up(redis));
	one(text, METRIC_RECORD_PENDING, (double)record_pending(p->record));
	one(text, METRIC_WATCHERS, (double)live_watchers(p->live));
	one(text, METRIC_CONNECTIONS, (double)server_connections(p->public_server));
	one(text, METRIC_DRAINING, p->draining);
}

static void shares_put(
	struct metric_text *text, const struct shares *s, enum metric held, enum metric refused)
{
	one(text, held, (double)s->all);
	metric_real(text, refused, METRIC_LABELS("all"), (double)s->refused[SHARE_ALL]);
	metric_real(text, refused, METRIC_LABELS("tenant"), (double)s->refused[SHARE_TENANT]);
}

static void limits_put(struct metric_text *text, const struct limiter *limiter)
{
	const struct limiter_counts counts = limiter_counts(limiter);

	one(text, METRIC_LIMIT_ADMITTED, (double)counts.admitted);
	for (size_t i = 0; i < LIMIT_REQUEST_LEVELS; i++)
		metric_real(text, METRIC_LIMIT_REFUSED,
			METRIC_LABELS(limit_level_text((enum limit_level)i)),
			(double)counts.refused[i]);
	one(text, METRIC_LIMIT_LOCAL, (double)counts.local);
	one(text, METRIC_LIMIT_SHARED, counts.shared);
}

/* ---- workers, and the call ---- */

static void workers_put(struct buf *out, const struct worker_row *rows, size_t n)
{
	int64_t live = 0, slots = 0, free_slots = 0, running = 0;
	struct metric_text text;

	for (size_t i = 0; i < n; i++) {
		if (strcmp(rows[i].state, "live") != 0 && strcmp(rows[i].state, "draining") != 0)
			continue;
		live++;
		slots += rows[i].slots;
		free_slots += rows[i].pulse.slots_free;
		running += rows[i].running;
	}
	metric_begin(&text, out);
	one(&text, METRIC_WORKERS, (double)live);
	one(&text, METRIC_FLEET_SLOTS, (double)slots);
	one(&text, METRIC_FLEET_FREE, (double)free_slots);
	one(&text, METRIC_FLEET_RUNNING, (double)running);
	one(&text, METRIC_FLEET_UTILISATION,
		slots ? (double)(slots - free_slots) / (double)slots : 0.0);
}

static void workers_told(void *ctx, enum err e, const struct worker_row *rows, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e)
		workers_put(&record_call_of(batch)->r->reply.body, rows, n);
	record_batch_end(batch, ERR_OK);
}

static enum err workers_run(struct db *db, struct record_batch *batch)
{
	return worker_list(db, WORKERS_MAX, workers_told, batch);
}

const struct record_op metrics_op = {"metrics", RECORD_SLOW, 1, workers_run, NULL};

/* The rest must stay readable while the record does not answer. */
static void workers_left_out(struct record_call *call)
{
	request_resume(call->r);
}

void metrics_get(struct request *r)
{
	struct producer *p = r->producer;
	struct record_call *call = record_call_new(r, sizeof *call);
	struct metric_text text;

	if (!call)
		return;
	metric_begin(&text, reply_json(&r->reply, 200));
	r->reply.type = METRIC_TYPE;
	http_put(&text, p->metrics);
	process_put(&text, p);
	loops_put(&text, p);
	shares_put(
		&text, server_bodies(p->public_server), METRIC_BODY_MEMORY, METRIC_BODIES_REFUSED);
	shares_put(&text, live_streams(p->live), METRIC_STREAM_MEMORY, METRIC_STREAMS_CUT);
	shares_put(&text, server_replies(p->public_server), METRIC_REPLY_MEMORY,
		METRIC_REPLIES_REFUSED);
	limits_put(&text, p->limiter);
	record_put(&text, p->record);
	queues_put(&text, p);
	call->failed = workers_left_out;
	if (record_is_up(p->record, RECORD_SLOW))
		record_call_start(call, &metrics_op);
}
