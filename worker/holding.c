#include "holding.h"

#include "call.h"
#include "ground/log.h"
#include "late_usage.h"
#include "stores/lease.h"
#include "worker.h"

#include <stdlib.h>

enum { KEYS_MAX = 1000 };

/* A job that used nothing has nothing to book. */
void holding_book_usage(const struct job *job)
{
	struct finish end = {.tenant = job->tenant, .job = job->id, .fence = job->fence};

	call_usage(job, &end);
	if (end.input_tokens || end.output_tokens)
		late_usage_add(job->worker->late_usage, job->holder, &end);
}

/* It is in a batch under way: it will be told that it is lost, and books then. */
static bool is_being_ended(const struct job *job)
{
	return job->ending == ENDING_TOLD || (job->ending == ENDING_ASKED && !job->waiting.next);
}

void holding_book_all(struct worker *w)
{
	for (struct ring *at = w->jobs.held.next; at != &w->jobs.held; at = at->next) {
		const struct job *job = RING_OF(at, struct job, held);

		if (job->call && !is_being_ended(job))
			holding_book_usage(job);
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
