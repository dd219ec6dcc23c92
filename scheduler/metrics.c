#include "metrics.h"

#include "board.h"
#include "config/config.h"
#include "dispatch.h"
#include "domain/scaling.h"
#include "duty.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "leader.h"
#include "ports/exporter.h"
#include "ports/loop.h"
#include "ports/process.h"
#include "sequencer.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

enum { DUTIES_MAX = 32, WHY_MAX = 1024 };

/* A queue as it was last counted. */
struct flow {
	char name[QUEUE_NAME_MAX + 1];
	struct scaling_queue load;
	int64_t waiting, oldest_ms;
};

struct metrics {
	struct leader *leader;
	struct exporter *exporter;
	struct {
		struct histogram took_us; /* FAST */
		uint64_t failed;
	} duties[DUTIES_MAX];
	size_t flows_n;
	struct flow flows[BOARD_MAX];
};

enum err metrics_new(struct metrics **ret_metrics)
{
	struct metrics *m = calloc(1, sizeof *m);

	if (!m)
		return ERR_NOMEM;
	*ret_metrics = m;
	return ERR_OK;
}

void metrics_free(struct metrics *metrics)
{
	if (metrics)
		exporter_close(metrics->exporter);
	free(metrics);
}

/* ---- what is noted ---- */

void metrics_queues(struct metrics *m, const struct queue *queues, size_t n)
{
	m->flows_n = n < BOARD_MAX ? n : BOARD_MAX;
	for (size_t i = 0; i < m->flows_n; i++) {
		const struct queue *q = &queues[i];
		struct flow *flow = &m->flows[i];

		snprintf(flow->name, sizeof flow->name, "%s", q->name);
		flow->load = (struct scaling_queue){
			.ready = q->queued,
			.running = q->running,
			.concurrency = q->concurrency,
			.rate = q->rate,
			.paused = q->paused,
		};
		flow->waiting = q->waiting;
		flow->oldest_ms = q->oldest_ms;
	}
}

void metrics_duty(struct metrics *m, size_t duty, enum err e, int64_t us)
{
	if (duty >= DUTIES_MAX)
		return;
	histogram_add(&m->duties[duty].took_us, HISTOGRAM_FAST, us);
	m->duties[duty].failed += e != ERR_OK;
}

/* ---- the page ---- */

static void one(struct metric_text *text, enum metric metric, double value)
{
	metric_real(text, metric, NULL, value);
}

static void put_process(struct metric_text *text, const struct leader *leader)
{
	process_metrics(text);
	one(text, METRIC_RECORD_UP, db_is_up(leader->db));
	if (leader->config->kafka.brokers[0])
		one(text, METRIC_KAFKA_UP, dispatch_kafka_is_up(leader->dispatch));
	metric_histogram(text, METRIC_LOOP_TURN, NULL, &loop_health(leader->loop)->turn_us);
	one(text, METRIC_LEADER, leader->term != 0);
	if (leader->term)
		one(text, METRIC_TERM, (double)leader->term);
}

static double flow_depth(const struct flow *flow)
{
	return (double)flow->load.ready;
}
static double flow_waiting(const struct flow *flow)
{
	return (double)flow->waiting;
}
static double flow_running(const struct flow *flow)
{
	return (double)flow->load.running;
}
static double flow_paused(const struct flow *flow)
{
	return flow->load.paused;
}
static double flow_age(const struct flow *flow)
{
	int64_t age_ms = flow->oldest_ms ? clock_record_ms() - flow->oldest_ms : 0;

	return age_ms > 0 ? (double)age_ms / 1000 : 0;
}

static void put_flows(struct metric_text *text, const struct metrics *m)
{
	static const struct {
		enum metric metric;
		double (*value)(const struct flow *flow);
	} series[] = {{METRIC_QUEUE_DEPTH, flow_depth}, {METRIC_QUEUE_WAITING, flow_waiting},
		{METRIC_QUEUE_RUNNING, flow_running}, {METRIC_QUEUE_OLDEST, flow_age},
		{METRIC_QUEUE_PAUSED, flow_paused}};
	int64_t wanted = 0;

	for (size_t s = 0; s < sizeof series / sizeof *series; s++)
		for (size_t i = 0; i < m->flows_n; i++)
			metric_real(text, series[s].metric, METRIC_LABELS(m->flows[i].name),
				series[s].value(&m->flows[i]));
	for (size_t i = 0; i < m->flows_n; i++)
		wanted += scaling_slots_wanted(&m->flows[i].load);
	one(text, METRIC_SLOTS_WANTED, (double)wanted);
}

static void put_board(struct metric_text *text, struct leader *leader)
{
	const struct board *board = dispatch_board(leader->dispatch);

	one(text, METRIC_WORKERS, (double)board->workers);
	one(text, METRIC_FLEET_SLOTS, (double)board->slots);
	one(text, METRIC_FLEET_RUNNING, (double)board->running);
	for (size_t i = 0; i < board->n; i++)
		metric_real(text, METRIC_LAG, METRIC_LABELS(board->queues[i].name),
			(double)board->windows[i].dispatched);
	for (size_t i = 0; i < board->n; i++)
		metric_real(text, METRIC_DISPATCHED, METRIC_LABELS(board->queues[i].name),
			(double)board->queues[i].sent);
}

static void put_duties(struct metric_text *text, const struct metrics *m)
{
	for (size_t i = 0; i < duty_count; i++)
		metric_histogram(text, METRIC_DUTY_SECONDS, METRIC_LABELS(duty_table[i].name),
			&m->duties[i].took_us);
	for (size_t i = 0; i < duty_count; i++)
		metric_real(text, METRIC_DUTY_FAILED, METRIC_LABELS(duty_table[i].name),
			(double)m->duties[i].failed);
}

/* What the log's line a minute tells, as counters. */
static void put_tally(struct metric_text *text, const struct tally *t)
{
	const struct {
		enum metric metric;
		uint64_t n;
	} counters[] = {{METRIC_UNSENT, t->unsent}, {METRIC_LOST, t->lost}, {METRIC_DUE, t->due},
		{METRIC_EXPIRED, t->expired}, {METRIC_REAPED, t->reaped},
		{METRIC_RETURNED, t->returned}, {METRIC_QUARANTINED, t->quarantined}};

	for (size_t i = 0; i < sizeof counters / sizeof *counters; i++)
		one(text, counters[i].metric, (double)counters[i].n);
}

/* Rows that have their place, and those that no signature vouches for yet. */
static void put_audit(struct metric_text *text, const struct leader *leader)
{
	const struct sequencer_state state = sequencer_state(leader->sequencer);

	one(text, METRIC_AUDIT_ROWS, (double)state.size);
	one(text, METRIC_AUDIT_UNSIGNED, (double)(state.size - state.signed_size));
}

static void write_page(void *owner, struct buf *out)
{
	const struct metrics *m = owner;
	struct leader *leader = m->leader;
	struct metric_text text;

	metric_begin(&text, out);
	put_process(&text, leader);
	put_duties(&text, m);
	put_tally(&text, &leader->tally);
	if (!leader->term)
		return;
	put_flows(&text, m);
	put_board(&text, leader);
	put_audit(&text, leader);
}

enum err metrics_serve(struct metrics *m, struct leader *leader)
{
	const char *listen = leader->config->scheduler.metrics_listen;
	struct buf why;
	enum err err;

	m->leader = leader;
	buf_init(&why, WHY_MAX);
	err = exporter_open(leader->loop, listen, write_page, m, &why, &m->exporter);
	if (err)
		log_error("metrics cannot be served", LOG_ERR(err),
			LOG_TEXT("why", why.bytes ? why.bytes : ""));
	else if (m->exporter)
		log_info("serving metrics", LOG_TEXT("listen", listen),
			LOG_INT("port", exporter_port(m->exporter)));
	buf_clear(&why);
	return err;
}
