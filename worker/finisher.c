#include "finisher.h"

#include "beat.h"
#include "counts.h"
#include "domain/halving.h"
#include "domain/verdict.h"
#include "end_seal.h"
#include "ground/clock.h"
#include "ground/company.h"
#include "ground/log.h"
#include "holding.h"
#include "job.h"
#include "live.h"
#include "sealing.h"
#include "stop_point.h"
#include "tally.h"
#include "work.h"
#include "worker.h"
#include "writer.h"

#include <stdlib.h>
#include <string.h>

enum {
	BATCHES_MAX = 2,
	FEW = 8,
	RETRY_MS = 200,
	BATCH_BYTES = 64 << 20,
	BESIDE_BYTES = 16 << 20 /* of a batch: keys, words, lengths, seals */
};

/* The last that a batch takes may bring its answer and as much running text. */
_Static_assert(BATCH_BYTES + 2 * CONFIG_RESULT_BYTES_MOST + BESIDE_BYTES <= DB_ARGS_BYTES_MAX,
	"an end that may come is refused by halves");

/* Ends that share a transaction. */
struct batch {
	struct ring link; /* of those that wait to be sent again as they are */
	struct finisher *finisher;
	struct id holder; /* the incarnation that claimed its jobs: a later one ends nothing of them
			   */
	struct buf sealed;
	bool settle; /* its outcome is unknown: read, do not write */
	int64_t sent_us;
	size_t bytes; /* on their way */
	size_t n;
	struct event_run *runs;
	struct finish **ends;
	struct job *jobs[];
};

struct finisher {
	struct worker *worker;
	struct ring queue; /* jobs */
	size_t queued;
	struct ring again;	/* batches */
	size_t batches;		/* under way */
	size_t held;		/* jobs in batches */
	size_t bytes;		/* of batches under way */
	int64_t since_ms;	/* the queue's first came */
	int64_t sent_ms;	/* the last batch went */
	size_t sent_n;		/* of so many */
	int64_t quiet_ms;	/* nothing is sent before: Postgres refused */
	struct halving halving; /* of refused batches */
	struct loop_timer *timer;
	struct tally tally;
};

size_t finisher_pending(const struct finisher *f)
{
	return f->queued + f->held;
}

size_t finisher_bytes(const struct finisher *f)
{
	return f->bytes;
}

/* ---- batches ---- */

static void batch_free(struct batch *batch)
{
	if (!batch)
		return;
	ring_leave(&batch->link);
	buf_clear(&batch->sealed);
	free(batch->runs);
	free(batch->ends);
	free(batch);
}

static struct batch *batch_new(struct finisher *f, size_t room)
{
	struct batch *batch = calloc(1, sizeof(*batch) + room * sizeof(batch->jobs[0]));

	if (!batch)
		return NULL;
	batch->finisher = f;
	batch->runs = calloc(room, sizeof(*batch->runs));
	batch->ends = calloc(room, sizeof(struct finish *));
	if (!batch->runs || !batch->ends) {
		batch_free(batch);
		return NULL;
	}
	return batch;
}

static void batch_add(struct batch *batch, struct job *job)
{
	batch->holder = job->holder;
	batch->ends[batch->n] = &job->end;
	batch->jobs[batch->n++] = job;
	job_pin(job);
	batch->finisher->held++;
}

/* The jobs leave the batch; they stay pinned by the caller's hand or are told. */
static void batch_leave(struct batch *batch, size_t i)
{
	batch->finisher->held--;
	job_unpin(batch->jobs[i]);
}

/* With jobs that nobody waits for: each may be freed by it. */
static void batch_let_go(struct batch *batch)
{
	for (size_t i = 0; i < batch->n; i++)
		batch_leave(batch, i);
	batch_free(batch);
}

/* Slices of sealed stay where they are: its room is made before anything is put in. */
static enum err batch_seal(struct batch *batch)
{
	size_t room = 0;
	enum err e;

	for (size_t i = 0; i < batch->n; i++) {
		const struct job *job = batch->jobs[i];

		room += (job->result ? released_len(job->result) : 0) + job->words.len +
			job_text(job)->len + (size_t)3 * SEALING_EXTRA;
	}
	buf_clear(&batch->sealed);
	buf_init(&batch->sealed, room + 1);
	e = buf_reserve(&batch->sealed, room + 1);
	for (size_t i = 0; i < batch->n && !e; i++)
		e = end_seal(batch->jobs[i], &batch->sealed, &batch->runs[i]);
	return e;
}

/* ---- what the record answered ---- */

static void batch_send(struct batch *batch);

static void batch_retry(struct batch *batch)
{
	struct finisher *f = batch->finisher;

	f->quiet_ms = loop_now_ms(f->worker->loop) + RETRY_MS;
	ring_join(&f->again, &batch->link);
	loop_timer_start(f->timer, RETRY_MS);
}

static void end_told(struct finisher *f, struct job *job)
{
	struct finish *end = &job->end;

	counts_end(f->worker->counts, job->queue, end);
	if (end->outcome == ERR_OK) {
		live_state(f->worker->live, job, job_state_text(end->state));
		tally_add(&f->tally, end);
	}
	if (end->outcome == ERR_LOST) {
		log_warn("an end came too late: the job is another's",
			LOG_ID("job", "job", job->id), LOG_INT("fence", job->fence));
		holding_book_usage(job);
	} else if (job->park_ms) {
		log_debug("a job waits for its upstream", LOG_ID("job", "job", job->id),
			LOG_ERR(job->error), LOG_INT("park_ms", job->park_ms));
	} else if (job->error) {
		log_info("attempt failed", LOG_ID("job", "job", job->id), LOG_ERR(job->error),
			LOG_TEXT("state", job_state_text(end->state)),
			LOG_INT("attempt", job->attempt),
			LOG_INT("upstream_status", end->upstream_status));
	}
	job->ending = ENDING_TOLD;
	job_resume(job);
}

/* First in the queue. */
static void queue_put_back(struct finisher *f, struct job *job)
{
	ring_join_first(&f->queue, &job->waiting);
	f->queued++;
}

/* After a settling read some are still ours. */
static void batch_told(struct batch *batch)
{
	struct finisher *f = batch->finisher;

	for (size_t i = 0; i < batch->n; i++) {
		struct job *job = batch->jobs[i];

		if (job->end.outcome == ERR_UNAVAILABLE && !job->gone)
			queue_put_back(f, job);
		else
			end_told(f, job);
		batch_leave(batch, i);
	}
	batch_free(batch);
}

/* Not even a failure without values can be written: the lease's end decides. */
static void batch_give_up(struct batch *batch)
{
	job_drop(batch->jobs[0]);
	batch_let_go(batch);
}

/* The job that owns the refused value ends without its last running text, as the writer would leave
 * it out; if it was not that, it fails without any value of its own. */
static void batch_blame(struct batch *batch)
{
	struct job *job = batch->jobs[0];

	if (!end_leave_text(job)) {
		log_error("the record refuses a value of this job's end",
			LOG_ID("job", "job", job->id));
		end_disown(job, ERR_DB_DATA);
	}
	batch_send(batch);
}

/* From the last to the first, so that they keep their order. One that was dropped meanwhile is
 * told that it is lost, as it would be by an answer. */
static void batch_put_back(struct batch *batch)
{
	struct finisher *f = batch->finisher;

	for (size_t i = batch->n; i-- > 0;) {
		struct job *job = batch->jobs[i];

		if (!job->gone) {
			queue_put_back(f, job);
		} else {
			job->end.outcome = ERR_LOST;
			end_told(f, job);
		}
		batch_leave(batch, i);
	}
	batch_free(batch);
}

/* A value that Postgres refuses must not take its neighbours down. */
static void batch_refused(struct batch *batch)
{
	if (!halving_refused(&batch->finisher->halving, batch->n))
		batch_put_back(batch);
	else if (batch->jobs[0]->end.error == ERR_DB_DATA)
		batch_give_up(batch);
	else
		batch_blame(batch);
}

/* What is too large for a statement together is so for ever: it goes by halves as well. */
static bool is_refusal(enum err e)
{
	return e == ERR_DB_DATA || e == ERR_TOO_LARGE;
}

static void on_done(void *ctx, enum err e, struct finish *const *ends, size_t n)
{
	struct batch *batch = ctx;
	struct finisher *f = batch->finisher;

	f->batches--;
	f->bytes -= batch->bytes;
	if (!batch->settle)
		counts_finish(f->worker->counts, e, n, clock_us() - batch->sent_us);
	loop_work(f->worker->loop, WORK_finisher);
	if (e == ERR_OK) {
		for (size_t i = 0; i < batch->n; i++)
			stop_point(batch->jobs[i], STOP_AFTER_COMMIT);
		if (!batch->settle)
			halving_taken(&f->halving, (size_t)f->worker->config->worker.finish_batch);
		batch_told(batch);
	} else if (is_refusal(e) && !batch->settle) {
		batch_refused(batch);
	} else {
		log_warn("ends are not acknowledged yet", LOG_INT("jobs", (int64_t)n), LOG_ERR(e),
			LOG_TEXT("why", db_fault(worker_db_finish(f->worker))));
		batch->settle = batch->settle || e == ERR_DB_UNKNOWN;
		batch_retry(batch);
	}
}

static void batch_send(struct batch *batch)
{
	struct finisher *f = batch->finisher;
	struct db *db = worker_db_finish(f->worker);
	const struct id holder = batch->holder;
	enum err e = batch->settle ? ERR_OK : batch_seal(batch);

	if (!e)
		e = batch->settle ? finish_settle(db, holder, batch->ends, batch->n, on_done, batch)
				  : finish_batch(db, holder, batch->ends, batch->n, on_done, batch);
	batch->sent_us = clock_us();
	batch->bytes = batch->sealed.len;
	buf_clear(&batch->sealed);
	if (e) {
		batch_retry(batch);
		return;
	}
	f->batches++;
	f->bytes += batch->bytes;
}

/* ---- the queue ---- */

static size_t end_bytes(const struct job *job)
{
	return (job->result ? released_len(job->result) : 0) + job_text(job)->len;
}

static void queue_send(struct finisher *f)
{
	const size_t max =
		halving_most(&f->halving, (size_t)f->worker->config->worker.finish_batch);
	size_t bytes = 0;
	struct batch *batch;

	batch = batch_new(f, f->queued < max ? f->queued : max);
	if (!batch) {
		f->quiet_ms = loop_now_ms(f->worker->loop) + RETRY_MS;
		loop_timer_start(f->timer, RETRY_MS);
		return;
	}
	while (!ring_empty(&f->queue) && batch->n < max && bytes < BATCH_BYTES) {
		struct job *job = RING_OF(f->queue.next, struct job, waiting);

		bytes += end_bytes(job);
		ring_leave(&job->waiting);
		f->queued--;
		batch_add(batch, job);
	}
	f->since_ms = f->sent_ms = loop_now_ms(f->worker->loop);
	f->sent_n = batch->n;
	batch_send(batch);
}

/* A commit of four ends costs the record hardly more than one of one: after a commit a few gather
 * for a moment; many do so in no time, and wait only while one is under way. The first of a quiet
 * worker goes at once. So long yet. */
static int64_t company_left_ms(const struct finisher *f)
{
	const struct config *c = f->worker->config;
	const int64_t since = f->batches ? f->since_ms : f->sent_ms;
	int64_t wait_ms = company_wait_ms(c->worker.finish_wait_ms, f->sent_n), left_ms;

	if (f->queued >= FEW)
		wait_ms = f->batches ? c->worker.finish_wait_ms / 2 : 0;
	left_ms = since + wait_ms - loop_now_ms(f->worker->loop);
	return left_ms > 0 && f->queued < (size_t)c->worker.finish_batch ? left_ms : 0;
}

static bool queue_is_ripe(const struct finisher *f)
{
	return f->queued && f->batches < (halving_is_on(&f->halving) ? 1 : BATCHES_MAX) &&
	       company_left_ms(f) == 0;
}

void finisher_flush(struct finisher *f)
{
	struct worker *w = f->worker;
	int64_t left_ms;

	if (loop_now_ms(w->loop) < f->quiet_ms || !db_is_up(worker_db_finish(w)) ||
		!beat_vouches(w->beat, worker_db_finish(w))) {
		if ((f->queued || !ring_empty(&f->again)) && !loop_timer_active(f->timer))
			loop_timer_start(f->timer, RETRY_MS);
		return;
	}
	if (!ring_empty(&f->again) && f->batches < BATCHES_MAX) {
		struct batch *batch = RING_OF(f->again.next, struct batch, link);

		ring_leave(&batch->link);
		batch_send(batch);
	}
	while (queue_is_ripe(f) && loop_now_ms(w->loop) >= f->quiet_ms)
		queue_send(f);
	left_ms = f->queued ? company_left_ms(f) : 0;
	if (left_ms && !loop_timer_active(f->timer))
		loop_timer_start(f->timer, left_ms);
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
		return; /* in a batch: its answer finds the job gone */
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
		batch_let_go(RING_OF(f->again.next, struct batch, link));
	loop_timer_free(f->timer);
	free(f);
}
