#include "writer.h"

#include "domain/halving.h"
#include "domain/usage.h"
#include "ground/clock.h"
#include "ground/log.h"
#include "holding.h"
#include "job.h"
#include "sealing.h"
#include "stores/event.h"
#include "worker.h"

#include <stdlib.h>

enum { BATCH_MAX = 500, RETRY_MS = 200 };

struct batch {
	struct writer *writer;
	size_t n;
	struct buf sealed;
	struct job *jobs[BATCH_MAX];
	size_t deltas[BATCH_MAX];
	struct event_run runs[BATCH_MAX];
	struct event_append elements[BATCH_MAX];
	struct event_append *pointers[BATCH_MAX];
};

struct writer {
	struct worker *worker;
	struct ring queue;	/* jobs, by writing */
	struct halving halving; /* of refused batches */
	bool busy;
	int64_t quiet_ms;
	struct loop_timer *timer;
};

static void batch_add(struct batch *b, struct job *job)
{
	const struct output *o = &job->output;
	struct event_append *a = &b->elements[b->n];

	*a = (struct event_append){
		.tenant = job->tenant,
		.job = job->id,
		.fence = job->fence,
		.extend = output_is_low(o) || o->next >= o->last,
		.progress_percent = -1,
		.progress_stage = "generating",
		.progress_tokens = usage_estimate_tokens((int64_t)o->told),
		.again = o->doubted,
	};
	b->deltas[b->n] = output_unwritten(o);
	b->jobs[b->n] = job;
	b->pointers[b->n++] = a;
	job->output.extending = a->extend;
	job->appending = true;
	job_pin(job);
}

enum err writer_run(const struct job *job, const struct sealed_box *box, size_t deltas,
	struct buf *sealed, struct event_run *ret_run)
{
	const struct output *o = &job->output;
	const struct db_bytes text = {job_text(job)->bytes + o->run_at, o->told - o->run_at};

	*ret_run = (struct event_run){
		.kind = EVENT_DELTA,
		.seq_from = o->run_seq,
		.count = (int32_t)deltas,
		.at_ms = clock_record_ms(),
		.attempt = job->attempt,
		.lengths = {o->lengths.bytes, o->lengths.len},
		.detail = "",
	};
	return sealing_append(sealed, box, (struct sealed_where){SEALED_EVENT, job->id, o->run_seq},
		text, &ret_run->text);
}

static enum err run_fill(struct batch *b, size_t i)
{
	struct sealed_box box;
	enum err e;

	if (!b->deltas[i])
		return ERR_OK;
	sealing_open(&box, b->jobs[i]);
	e = writer_run(b->jobs[i], &box, b->deltas[i], &b->sealed, &b->runs[i]);
	sealed_box_close(&box);
	b->elements[i].runs = &b->runs[i];
	b->elements[i].runs_n = 1;
	/* a key that is gone is one job's trouble, and found like a value that is refused */
	return e == ERR_SEALING ? ERR_DB_DATA : e;
}

static enum err batch_seal(struct batch *b)
{
	size_t room = 1;
	enum err e;

	for (size_t i = 0; i < b->n; i++)
		room += b->jobs[i]->output.told - b->jobs[i]->output.run_at + SEALING_EXTRA;
	buf_init(&b->sealed, room);
	e = buf_reserve(&b->sealed, room);
	for (size_t i = 0; i < b->n && !e; i++)
		e = run_fill(b, i);
	return e;
}

/* Those of a refused batch come first again. Alone, the job owns the value. */
static void element_refused(const struct batch *b, size_t i)
{
	struct job *job = b->jobs[i];

	if (job->gone)
		return;
	if (b->n > 1) {
		ring_join_first(&b->writer->queue, &job->writing);
	} else if (b->deltas[i]) {
		log_error("the record refuses a job's running text: it is left out",
			LOG_ID("job", "job", job->id), LOG_INT("deltas", (int64_t)b->deltas[i]));
		output_written(&job->output, b->deltas[i]);
		writer_add(b->writer, job);
	} else {
		log_error("the record refuses more numbers for a job: it is let go",
			LOG_ID("job", "job", job->id));
		job_drop(job);
	}
}

static void element_told(struct batch *b, size_t i, enum err e)
{
	struct job *job = b->jobs[i];
	const struct event_append *a = &b->elements[i];

	job->appending = false;
	if (!e && a->outcome == ERR_OK) {
		output_written(&job->output, a->written < b->deltas[i] ? a->written : b->deltas[i]);
		output_extended(&job->output, a->event_to);
		job->output.doubted = false;
	} else {
		job->output.extending = false;
		job->output.doubted |= e == ERR_DB_UNKNOWN;
	}
	if (e == ERR_DB_DATA)
		element_refused(b, i);
	else if (e && !job->gone)
		writer_add(b->writer, job);
	else if (!e && a->outcome == ERR_LOST && !job->gone)
		holding_lost(job);
	else if (job->step == STEP_finish)
		job_resume(job);
	job_unpin(job);
}

/* From the last to the first, so that they keep their order before who came meanwhile. */
static void batch_refused(struct batch *b)
{
	halving_refused(&b->writer->halving, b->n);
	for (size_t i = b->n; i-- > 0;)
		element_told(b, i, ERR_DB_DATA);
}

static void batch_failed(const struct batch *b, enum err e)
{
	struct writer *wr = b->writer;

	log_warn("running text is not in the record yet", LOG_INT("jobs", (int64_t)b->n),
		LOG_ERR(e));
	wr->quiet_ms = loop_now_ms(wr->worker->loop) + RETRY_MS;
	loop_timer_start(wr->timer, RETRY_MS);
}

/* An unknown outcome is asked again: the numbers begin where they did, so the record takes them
 * once and tells how many it has. */
static void on_done(void *ctx, enum err e, struct event_append *const *elements, size_t n)
{
	struct batch *b = ctx;
	struct writer *wr = b->writer;

	wr->busy = false;
	if (e == ERR_DB_DATA) {
		batch_refused(b);
		free(b);
		return;
	}
	if (e)
		batch_failed(b, e);
	else
		halving_taken(&wr->halving, BATCH_MAX);
	for (size_t i = 0; i < b->n; i++)
		element_told(b, i, e);
	free(b);
}

void writer_add(struct writer *wr, struct job *job)
{
	if (!job->writing.next && !job->appending && !job->gone)
		ring_join(&wr->queue, &job->writing);
}

void writer_add_all(struct writer *wr)
{
	const struct ring *held = &wr->worker->jobs.held;

	for (struct ring *at = held->next; at != held; at = at->next) {
		struct job *job = RING_OF(at, struct job, held);

		if (job->ending == ENDING_NOT_ASKED && output_unwritten(&job->output))
			writer_add(wr, job);
	}
}

void writer_flush(struct writer *wr)
{
	struct worker *w = wr->worker;
	struct batch *b;
	enum err e;

	if (ring_empty(&wr->queue) || wr->busy || loop_now_ms(w->loop) < wr->quiet_ms)
		return;
	b = malloc(sizeof(*b));
	if (!b)
		return;
	b->writer = wr;
	b->n = 0;
	while (!ring_empty(&wr->queue) && b->n < halving_most(&wr->halving, BATCH_MAX)) {
		struct job *job = RING_OF(wr->queue.next, struct job, writing);

		ring_leave(&job->writing);
		if (job->ending == ENDING_NOT_ASKED)
			batch_add(b, job);
	}
	if (!b->n) {
		free(b);
		return;
	}
	e = batch_seal(b);
	if (!e)
		e = event_append_batch(
			worker_db_finish(w), w->incarnation, b->pointers, b->n, on_done, b);
	wr->busy = !e;
	buf_clear(&b->sealed);
	if (e)
		on_done(b, e, b->pointers, b->n);
}

static void on_timer(void *owner)
{
	struct writer *wr = owner;

	writer_flush(wr);
}

enum err writer_new(struct worker *w, struct writer **ret_writer)
{
	struct writer *wr = calloc(1, sizeof(*wr));
	enum err e;

	if (!wr)
		return ERR_NOMEM;
	wr->worker = w;
	ring_init(&wr->queue);
	e = loop_timer_new(w->loop, on_timer, wr, &wr->timer);
	if (e) {
		free(wr);
		return e;
	}
	*ret_writer = wr;
	return ERR_OK;
}

void writer_free(struct writer *wr)
{
	if (!wr)
		return;
	loop_timer_free(wr->timer);
	free(wr);
}
