#include "metrics.h"

#include "beat.h"
#include "claim.h"
#include "counts.h"
#include "delivery/sender.h"
#include "domain/metric.h"
#include "finisher.h"
#include "ground/log.h"
#include "live.h"
#include "metrics_permits.h"
#include "ports/exporter.h"
#include "ports/process.h"
#include "upstreams/permit_view.h"
#include "upstreams/upstream.h"
#include "work.h"
#include "worker.h"

enum { WHY_MAX = 1024 };

#define NANO_PER_USD 1e9

static void one(struct metric_text *text, enum metric metric, double value)
{
	metric_real(text, metric, NULL, value);
}

/* ---- the process and its parts ---- */

static void put_parts(struct metric_text *text, const struct worker *w)
{
	const struct config *c = w->config;

	one(text, METRIC_RECORD_UP, db_is_up(worker_db_claim(w)) && db_is_up(worker_db_finish(w)));
	if (c->redis.limits_url[0])
		one(text, METRIC_REDIS_UP, live_redis_is_up(w->live));
	if (c->kafka.brokers[0])
		one(text, METRIC_PARTITIONS, (double)claim_partitions(w->claim));
	one(text, METRIC_DRAINING, w->mode != WORKER_RUNNING);
	one(text, METRIC_BEAT_AGE, (double)beat_silent_ms(w->beat) / 1000);
}

static void put_held(struct metric_text *text, const struct worker *w)
{
	one(text, METRIC_SLOTS, (double)w->config->worker.slots);
	one(text, METRIC_SLOTS_FREE, (double)worker_free_slots(w));
	one(text, METRIC_JOBS_HELD, (double)w->jobs.n);
	one(text, METRIC_ENDS_PENDING, (double)finisher_pending(w->finisher));
	one(text, METRIC_MEMORY_HELD, (double)worker_memory_held(w));
	one(text, METRIC_MEMORY_TARGET, (double)worker_memory_target(w));
	one(text, METRIC_RESULTS_HELD, (double)w->memory.results);
}

static void put_loop(struct metric_text *text, const struct worker *w)
{
	const struct loop_health *health = loop_health(w->loop);

	metric_histogram(text, METRIC_LOOP_TURN, NULL, &health->turn_us);
	for (unsigned i = 0; i < WORKS; i++)
		metric_real(text, METRIC_LOOP_STALLS, METRIC_LABELS(work_text(i)),
			(double)health->blamed[i]);
}

/* ---- queues ---- */

static void put_ended(struct metric_text *text, const struct queue_counts *q)
{
	for (int i = 0; i < JOB_STATES; i++)
		if (q->ended[i])
			metric_real(text, METRIC_JOBS_ENDED,
				METRIC_LABELS(q->name, job_state_text((enum job_state)i)),
				(double)q->ended[i]);
	if (q->lost)
		metric_real(
			text, METRIC_JOBS_ENDED, METRIC_LABELS(q->name, "lost"), (double)q->lost);
}

static void put_queues(struct metric_text *text, const struct counts *c)
{
	for (size_t i = 0; i <= c->queues_n; i++)
		if (c->queues[i].claimed)
			metric_real(text, METRIC_JOBS_CLAIMED, METRIC_LABELS(c->queues[i].name),
				(double)c->queues[i].claimed);
	for (size_t i = 0; i <= c->queues_n; i++)
		put_ended(text, &c->queues[i]);
	for (size_t i = 0; i <= c->queues_n; i++)
		if (c->queues[i].claimed)
			metric_histogram(text, METRIC_QUEUE_WAIT, METRIC_LABELS(c->queues[i].name),
				&c->queues[i].wait_us);
}

/* ---- claims and ends ---- */

static void put_claims(struct metric_text *text, const struct counts *c)
{
	static const char *const ways[CLAIM_WAYS] = {
		[CLAIM_MESSAGE] = "message", [CLAIM_DIRECT] = "direct"};

	for (int i = 0; i < CLAIM_WAYS; i++)
		metric_histogram(
			text, METRIC_CLAIM_JOBS, METRIC_LABELS(ways[i]), &c->claims[i].jobs);
	for (int i = 0; i < CLAIM_WAYS; i++)
		metric_histogram(
			text, METRIC_CLAIM_SECONDS, METRIC_LABELS(ways[i]), &c->claims[i].took_us);
	for (int i = 0; i < CLAIM_WAYS; i++)
		metric_real(text, METRIC_CLAIM_FAILED, METRIC_LABELS(ways[i]),
			(double)c->claims[i].failed);
	metric_histogram(text, METRIC_DISPATCH_SECONDS, NULL, &c->dispatch_us);
	metric_histogram(text, METRIC_FINISH_JOBS, NULL, &c->finish_jobs);
	metric_histogram(text, METRIC_FINISH_SECONDS, NULL, &c->finish_took_us);
	one(text, METRIC_FINISH_FAILED, (double)c->finish_failed);
}

/* ---- upstreams ---- */

static void put_attempts(struct metric_text *text, const struct upstream_counts *up)
{
	for (int e = 0; e < ERR_COUNT_; e++)
		if (up->attempts[e])
			metric_real(text, METRIC_ATTEMPTS,
				METRIC_LABELS(up->name, err_code((enum err)e)),
				(double)up->attempts[e]);
}

/* The last place is in use once there were more upstreams than places. */
static size_t upstreams_n(const struct counts *c)
{
	return c->upstreams_n + (c->upstreams[COUNTS_UPSTREAMS_MAX].name[0] != '\0');
}

static void put_upstreams(struct metric_text *text, const struct worker *w)
{
	const struct upstreams *ups = w->upstreams;
	const struct upstream_counts *list = w->counts->upstreams;
	const size_t n = upstreams_n(w->counts);

	for (size_t i = 0; i < ups->n; i++)
		metric_real(text, METRIC_CALLS_IN_FLIGHT, METRIC_LABELS(ups->list[i]->name),
			(double)permits_in_flight(w->permits, ups->list[i]->name));
	for (size_t i = 0; i < n; i++)
		put_attempts(text, &list[i]);
	for (size_t i = 0; i < n; i++)
		metric_real(
			text, METRIC_RETRIES, METRIC_LABELS(list[i].name), (double)list[i].retries);
	for (size_t i = 1; i < n; i++)
		metric_histogram(
			text, METRIC_FIRST_BYTE, METRIC_LABELS(list[i].name), &list[i].first_us);
	for (size_t i = 1; i < n; i++)
		metric_histogram(
			text, METRIC_CALL_SECONDS, METRIC_LABELS(list[i].name), &list[i].call_us);
}

static size_t models_n(const struct counts *c)
{
	/* the last place is in use once another model came than there was room for */
	return c->models_n + (c->models[COUNTS_MODELS_MAX].name[0] != '\0');
}

static void put_tokens(struct metric_text *text, const struct model_counts *m)
{
	metric_real(text, METRIC_TOKENS, METRIC_LABELS(m->upstream->name, m->name, "input"),
		(double)m->input_tokens);
	metric_real(text, METRIC_TOKENS, METRIC_LABELS(m->upstream->name, m->name, "output"),
		(double)m->output_tokens);
}

static void put_models(struct metric_text *text, const struct counts *c)
{
	const size_t n = models_n(c);

	for (size_t i = 0; i < n; i++)
		put_tokens(text, &c->models[i]);
	for (size_t i = 0; i < n; i++)
		metric_real(text, METRIC_COST,
			METRIC_LABELS(c->models[i].upstream->name, c->models[i].name),
			(double)c->models[i].cost_nano / NANO_PER_USD);
}

/* ---- webhooks ---- */

static void put_webhooks(struct metric_text *text, const struct worker *w)
{
	struct sender_tally t;

	sender_tally_read(w->sender, &t);
	const struct {
		const char *outcome;
		uint64_t n;
	} outcomes[] = {{"delivered", t.delivered}, {"again", t.again}, {"given_up", t.given_up},
		{"deferred", t.deferred}, {"lost", t.lost}};

	for (size_t i = 0; i < sizeof(outcomes) / sizeof(outcomes[0]); i++)
		metric_real(text, METRIC_WEBHOOKS, METRIC_LABELS(outcomes[i].outcome),
			(double)outcomes[i].n);
	one(text, METRIC_WEBHOOKS_IN_FLIGHT, (double)t.under_way);
}

static void write_page(void *owner, struct buf *out)
{
	const struct worker *w = owner;
	const unsigned before = loop_work(w->loop, WORK_metrics);
	struct metric_text text;

	metric_begin(&text, out);
	process_metrics(&text);
	put_parts(&text, w);
	put_held(&text, w);
	put_loop(&text, w);
	put_queues(&text, w->counts);
	put_claims(&text, w->counts);
	put_upstreams(&text, w);
	metrics_permits(&text, w);
	put_models(&text, w->counts);
	put_webhooks(&text, w);
	loop_work(w->loop, before);
}

enum err metrics_open(struct worker *w)
{
	const char *listen = w->config->worker.metrics_listen;
	struct buf why;
	enum err e;

	buf_init(&why, WHY_MAX);
	e = exporter_open(w->loop, listen, write_page, w, &why, &w->exporter);
	if (e)
		log_error("metrics cannot be served", LOG_ERR(e),
			LOG_TEXT("why", why.bytes ? why.bytes : ""));
	else if (w->exporter)
		log_info("serving metrics", LOG_TEXT("listen", listen),
			LOG_INT("port", exporter_port(w->exporter)));
	buf_clear(&why);
	return e;
}
