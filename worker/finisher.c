#include "finisher.h"

#include "call.h"
#include "domain/usage.h"
#include "domain/verdict.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "holding.h"
#include "job.h"
#include "live.h"
#include "sealing.h"
#include "stop_point.h"
#include "tally.h"
#include "upstreams/upstream.h"
#include "worker.h"

#include <stdlib.h>

enum { LOTS_MAX = 2, RETRY_MS = 200 };

/* Ends that share a transaction. */
struct lot {
	struct ring link; /* of those that wait to be sent again as they are */
	struct finisher *finisher;
	struct buf sealed;
	bool settle; /* its outcome is unknown: read, do not write */
	size_t n;
	struct event_run *runs;
	struct finish **ends;
	struct job *jobs[];
};

struct finisher {
	struct worker *worker;
	struct ring queue; /* jobs */
	size_t queued;
	struct ring again; /* lots */
	size_t lots;	   /* under way */
	size_t held;	   /* jobs in lots */
	int64_t since_ms;  /* the queue's first came */
	int64_t quiet_ms;  /* nothing is sent before: Postgres refused */
	struct loop_timer *timer;
	struct tally tally;
};

size_t finisher_pending(const struct finisher *f)
{
	return f->queued + f->held;
}

void finisher_usage(const struct job *job, struct finish *end)
{
	const struct reply *reply = job->call ? &job->call->reply : NULL;
	const struct upstream *up = job->upstream_used;
	struct usage used;

	if (!reply || !up)
		return;
	end->upstream = up->config->name;
	end->model = job->model;
	used = usage_of(reply->input_tokens,
		reply->output_tokens >= 0 ? reply->output_tokens
					  : usage_estimate_tokens((int64_t)job_text(job)->len),
		(struct usage_price){
			up->config->input_usd_per_million, up->config->output_usd_per_million});
	end->input_tokens = used.input_tokens;
	end->output_tokens = used.output_tokens;
	end->cost_nano = used.cost_nano;
}

/* ---- lots ---- */

static void lot_free(struct lot *lot)
{
	if (!lot)
		return;
	ring_leave(&lot->link);
	buf_clear(&lot->sealed);
	free(lot->runs);
	free(lot->ends);
	free(lot);
}

static struct lot *lot_new(struct finisher *f, size_t room)
{
	struct lot *lot = calloc(1, sizeof(*lot) + room * sizeof(lot->jobs[0]));

	if (!lot)
		return NULL;
	lot->finisher = f;
	lot->runs = calloc(room, sizeof(*lot->runs));
	lot->ends = calloc(room, sizeof(struct finish *));
	if (!lot->runs || !lot->ends) {
		lot_free(lot);
		return NULL;
	}
	return lot;
}

static void lot_add(struct lot *lot, struct job *job)
{
	lot->ends[lot->n] = &job->end;
	lot->jobs[lot->n++] = job;
	job_pin(job);
	lot->finisher->held++;
}

/* The jobs leave the lot; they stay pinned by the caller's hand or are told. */
static void lot_leave(struct lot *lot, size_t i)
{
	lot->finisher->held--;
	job_unpin(lot->jobs[i]);
}

/* Deltas that are not in the record yet, as one run. */
static void lot_run(struct lot *lot, size_t i)
{
	struct job *job = lot->jobs[i];
	struct finish *end = &job->end;
	struct event_run *run = &lot->runs[i];
	const struct output *o = &job->output;
	const struct buf *text = job_text(job);

	end->runs = NULL;
	end->runs_n = 0;
	if (!output_unwritten(o))
		return;
	*run = (struct event_run){
		.kind = EVENT_DELTA,
		.seq_from = o->run_seq,
		.count = (int32_t)output_unwritten(o),
		.at_ms = clock_record_ms(),
		.attempt = job->attempt,
		.text = sealing_append(&lot->sealed, text->bytes + o->run_at, o->told - o->run_at),
		.lengths = {o->lengths.bytes, o->lengths.len},
		.detail = "",
	};
	end->runs = run;
	end->runs_n = 1;
}

/* Slices of sealed stay where they are: its room is made before anything is put in. */
static enum err lot_seal(struct lot *lot)
{
	size_t room = 0;
	enum err e;

	for (size_t i = 0; i < lot->n; i++) {
		const struct job *job = lot->jobs[i];

		room += (job->result ? released_len(job->result) : 0) + job->words.len +
			job_text(job)->len + (size_t)3 * SEALING_EXTRA;
	}
	buf_clear(&lot->sealed);
	buf_init(&lot->sealed, room + 1);
	e = buf_reserve(&lot->sealed, room + 1);
	for (size_t i = 0; i < lot->n && !e; i++) {
		struct job *job = lot->jobs[i];

		if (job->replied_us)
			job->end.timings_ms[TIMING_FINISH] =
				(int32_t)((clock_us() - job->replied_us) / 1000);
		if (job->end.as == FINISH_COMPLETED)
			job->end.result = sealing_append(&lot->sealed, released_bytes(job->result),
				released_len(job->result));
		if (job->words.len)
			job->end.message =
				sealing_append(&lot->sealed, job->words.bytes, job->words.len);
		lot_run(lot, i);
	}
	return e ? e : buf_err(&lot->sealed);
}

/* ---- what the record answered ---- */

static void lot_send(struct lot *lot);

static void lot_retry(struct lot *lot)
{
	struct finisher *f = lot->finisher;

	f->quiet_ms = loop_now_ms(f->worker->loop) + RETRY_MS;
	ring_join(&f->again, &lot->link);
	loop_timer_start(f->timer, RETRY_MS);
}

static void end_told(struct finisher *f, struct job *job)
{
	struct finish *end = &job->end;

	if (end->outcome == ERR_OK) {
		live_state(f->worker->live, job, job_state_text(end->state));
		tally_add(&f->tally, end);
	}
	if (end->outcome == ERR_LOST) {
		log_warn("an end came too late: the job is another's",
			LOG_ID("job", "job", job->id), LOG_INT("fence", job->fence));
		holding_book_usage(job);
	} else if (job->error) {
		log_info("attempt failed", LOG_ID("job", "job", job->id), LOG_ERR(job->error),
			LOG_TEXT("state", job_state_text(end->state)),
			LOG_INT("attempt", job->attempt),
			LOG_INT("upstream_status", end->upstream_status));
	}
	job->finish_stage = FINISH_TOLD;
	job_resume(job);
}

/* After a settling read some are still ours: they go to the queue's front. */
static void lot_told(struct lot *lot)
{
	struct finisher *f = lot->finisher;

	for (size_t i = 0; i < lot->n; i++) {
		struct job *job = lot->jobs[i];

		if (job->end.outcome == ERR_UNAVAILABLE && !job->gone) {
			ring_join(&f->queue, &job->waiting);
			f->queued++;
		} else {
			end_told(f, job);
		}
		lot_leave(lot, i);
	}
	lot_free(lot);
}

/* A value that Postgres refuses must not take its neighbours down. */
static void lot_halve(struct lot *lot)
{
	struct finisher *f = lot->finisher;
	const size_t half = lot->n / 2;

	if (lot->n == 1) {
		struct job *job = lot->jobs[0];

		if (job->end.error == ERR_DB_DATA) { /* not even that: the lease's end decides */
			lot_leave(lot, 0);
			job_drop(job);
			lot_free(lot);
			return;
		}
		log_error("the record refuses a value of this job's end",
			LOG_ID("job", "job", job->id));
		job->error = ERR_DB_DATA;
		job->end.as = FINISH_FAILED;
		job->end.error = ERR_DB_DATA;
		job->end.result = job->end.message = (struct db_bytes){NULL, 0};
		buf_clear(&job->words);
		output_written(&job->output, output_unwritten(&job->output));
		lot_send(lot);
		return;
	}
	for (size_t part = 0; part < 2; part++) {
		const size_t from = part ? half : 0, to = part ? lot->n : half;
		struct lot *piece = lot_new(f, to - from);

		if (!piece) {
			lot_retry(lot);
			return;
		}
		for (size_t i = from; i < to; i++) {
			lot_add(piece, lot->jobs[i]);
			lot_leave(lot, i);
		}
		lot_send(piece);
	}
	lot_free(lot);
}

static void on_done(void *ctx, enum err e, struct finish *const *batch, size_t n)
{
	struct lot *lot = ctx;
	struct finisher *f = lot->finisher;

	f->lots--;
	if (e == ERR_OK) {
		for (size_t i = 0; i < lot->n; i++)
			stop_point(lot->jobs[i], STOP_AFTER_COMMIT);
		lot_told(lot);
	} else if (e == ERR_DB_DATA && !lot->settle) {
		lot_halve(lot);
	} else {
		log_warn("ends are not acknowledged yet", LOG_INT("jobs", (int64_t)n), LOG_ERR(e),
			LOG_TEXT("why", db_fault(worker_db_finish(f->worker))));
		lot->settle = lot->settle || e == ERR_DB_UNKNOWN;
		lot_retry(lot);
	}
}

static void lot_settled(void *ctx, enum err e, struct finish *const *batch, size_t n)
{
	struct lot *lot = ctx;

	if (e == ERR_OK)
		lot->settle = false;
	on_done(ctx, e, batch, n);
}

static void lot_send(struct lot *lot)
{
	struct finisher *f = lot->finisher;
	struct db *db = worker_db_finish(f->worker);
	const struct id worker = f->worker->incarnation;
	enum err e = lot->settle ? ERR_OK : lot_seal(lot);

	if (!e)
		e = lot->settle ? finish_settle(db, worker, lot->ends, lot->n, lot_settled, lot)
				: finish_batch(db, worker, lot->ends, lot->n, on_done, lot);
	if (e)
		lot_retry(lot);
	else
		f->lots++;
	buf_clear(&lot->sealed);
}

/* ---- the queue ---- */

static void queue_send(struct finisher *f)
{
	size_t max = (size_t)f->worker->config->worker.finish_batch;
	struct lot *lot;

	if (max > FINISH_MAX)
		max = FINISH_MAX;
	lot = lot_new(f, f->queued < max ? f->queued : max);
	if (!lot) {
		f->quiet_ms = loop_now_ms(f->worker->loop) + RETRY_MS;
		loop_timer_start(f->timer, RETRY_MS);
		return;
	}
	while (!ring_empty(&f->queue) && lot->n < max) {
		struct job *job = RING_OF(f->queue.next, struct job, waiting);

		ring_leave(&job->waiting);
		f->queued--;
		lot_add(lot, job);
	}
	f->since_ms = loop_now_ms(f->worker->loop);
	lot_send(lot);
}

static bool queue_is_ripe(const struct finisher *f)
{
	const struct config *c = f->worker->config;

	if (!f->queued || f->lots >= LOTS_MAX)
		return false;
	return !f->lots || f->queued >= (size_t)c->worker.finish_batch ||
	       loop_now_ms(f->worker->loop) - f->since_ms >= c->worker.finish_wait_ms;
}

void finisher_flush(struct finisher *f)
{
	struct worker *w = f->worker;

	if (loop_now_ms(w->loop) < f->quiet_ms || !db_is_up(worker_db_finish(w))) {
		if ((f->queued || !ring_empty(&f->again)) && !loop_timer_active(f->timer))
			loop_timer_start(f->timer, RETRY_MS);
		return;
	}
	if (!ring_empty(&f->again) && f->lots < LOTS_MAX) {
		struct lot *lot = RING_OF(f->again.next, struct lot, link);

		ring_leave(&lot->link);
		lot_send(lot);
	}
	while (queue_is_ripe(f) && loop_now_ms(w->loop) >= f->quiet_ms)
		queue_send(f);
	if (f->queued && !loop_timer_active(f->timer))
		loop_timer_start(f->timer, w->config->worker.finish_wait_ms);
}

void finisher_tell(struct finisher *f)
{
	tally_tell(&f->tally);
}

void finisher_add(struct finisher *f, struct job *job)
{
	if (!f->queued)
		f->since_ms = loop_now_ms(f->worker->loop);
	ring_join(&f->queue, &job->waiting);
	f->queued++;
}

void finisher_remove(struct finisher *f, struct job *job)
{
	if (!job->waiting.next)
		return; /* in a lot: its answer finds the job gone */
	ring_leave(&job->waiting);
	f->queued--;
}

static void on_timer(void *owner)
{
	struct finisher *f = owner;

	finisher_flush(f);
}

enum err finisher_new(struct worker *w, struct finisher **ret_finisher)
{
	struct finisher *f = calloc(1, sizeof(*f));
	enum err e;

	if (!f)
		return ERR_NOMEM;
	f->worker = w;
	ring_init(&f->queue);
	ring_init(&f->again);
	e = loop_timer_new(w->loop, on_timer, f, &f->timer);
	if (e) {
		free(f);
		return e;
	}
	*ret_finisher = f;
	return ERR_OK;
}

void finisher_free(struct finisher *f)
{
	if (!f)
		return;
	while (!ring_empty(&f->again))
		lot_free(RING_OF(f->again.next, struct lot, link));
	loop_timer_free(f->timer);
	free(f);
}
