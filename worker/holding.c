#include "holding.h"

#include "call.h"
#include "finisher.h"
#include "ground/log.h"
#include "stores/lease.h"
#include "worker.h"

#include <stdlib.h>

enum { KEYS_MAX = 1000 };

/* Lost jobs whose usage is being booked. */
struct booking {
	size_t n;
	struct finish *ends[FINISH_MAX];
	struct job *jobs[FINISH_MAX];
};

static void on_usage(void *ctx, enum err e, struct finish *const *batch, size_t n)
{
	struct booking *booking = ctx;

	if (e)
		log_warn("usage of lost jobs is not booked", LOG_INT("jobs", (int64_t)booking->n),
			LOG_ERR(e));
	for (size_t i = 0; i < booking->n; i++)
		job_unpin(booking->jobs[i]);
	free(booking);
}

/* A job that used nothing has nothing to book. */
static void booking_add(struct booking *booking, struct job *job)
{
	struct finish *end = &job->end;

	*end = (struct finish){.tenant = job->tenant, .job = job->id, .fence = job->fence};
	call_usage(job, end);
	if (end->input_tokens == 0 && end->output_tokens == 0)
		return;
	job_pin(job);
	booking->ends[booking->n] = end;
	booking->jobs[booking->n++] = job;
}

/* All of them were claimed by one incarnation. */
static void booking_send(struct worker *w, struct booking *booking)
{
	enum err e = ERR_OK;

	if (booking->n)
		e = finish_usage(worker_db_finish(w), booking->jobs[0]->holder, booking->ends,
			booking->n, on_usage, booking);
	if (e || !booking->n)
		on_usage(booking, e, booking->ends, booking->n);
}

void holding_book_usage(struct job *job)
{
	struct booking *booking = calloc(1, sizeof(*booking));

	if (!booking)
		return;
	booking_add(booking, job);
	booking_send(job->worker, booking);
}

/* It is in a batch under way: it will be told that it is lost, and books then. */
static bool is_being_ended(const struct job *job)
{
	return job->ending == ENDING_TOLD || (job->ending == ENDING_ASKED && !job->waiting.next);
}

void holding_book_all(struct worker *w)
{
	struct ring *at = w->jobs.held.next;

	while (at != &w->jobs.held) {
		struct booking *booking = calloc(1, sizeof(*booking));

		if (!booking)
			return;
		for (; at != &w->jobs.held && booking->n < FINISH_MAX; at = at->next) {
			struct job *job = RING_OF(at, struct job, held);

			if (job->call && !is_being_ended(job))
				booking_add(booking, job);
		}
		booking_send(w, booking);
	}
}

void holding_lost(struct job *job)
{
	if (job->gone)
		return;
	log_info("a job is another's now", LOG_ID("job", "job", job->id),
		LOG_TEXT("step", step_text(job->step)));
	call_cut(job);
	job_pin(job);
	if (job->call && !is_being_ended(job))
		holding_book_usage(job);
	job_drop(job);
	job_unpin(job);
}

struct check {
	struct worker *worker;
	size_t n;
	struct lease_key keys[KEYS_MAX];
};

static void on_held(void *ctx, enum err e, const bool *held, size_t n)
{
	struct check *check = ctx;

	for (size_t i = 0; !e && i < n && i < check->n; i++) {
		struct job *job = job_table_find(&check->worker->jobs, check->keys[i].job);

		if (!held[i] && job && job->fence == check->keys[i].fence &&
			job->ending != ENDING_ASKED)
			holding_lost(job);
	}
	if (e)
		log_warn("cannot ask what is still held", LOG_ERR(e));
	free(check);
}

static void check_send(struct check *check)
{
	struct worker *w = check->worker;
	enum err e = lease_revalidate(
		worker_db_claim(w), w->incarnation, check->keys, check->n, on_held, check);

	if (e)
		on_held(check, e, NULL, 0);
}

void holding_check(struct worker *w)
{
	struct ring *at = w->jobs.held.next;

	while (at != &w->jobs.held) {
		struct check *check = calloc(1, sizeof(*check));

		if (!check)
			return;
		check->worker = w;
		for (; at != &w->jobs.held && check->n < KEYS_MAX; at = at->next) {
			const struct job *job = RING_OF(at, struct job, held);

			check->keys[check->n++] =
				(struct lease_key){job->tenant, job->id, job->fence};
		}
		/* A refusal answers at once but loses nothing, so the ring stays as it is. */
		check_send(check);
	}
}

void holding_drop_all(struct worker *w)
{
	struct ring *next;

	for (struct ring *at = w->jobs.held.next; at != &w->jobs.held; at = next) {
		next = at->next;
		job_drop(RING_OF(at, struct job, held));
	}
}
