#include "stray.h"

#include "ground/log.h"
#include "stores/finish.h"
#include "stores/lease.h"
#include "worker.h"

#include <stdlib.h>

enum { AGAIN_MS = 1000 };

/* Ends of one transaction. */
struct handback {
	struct strays *strays;
	size_t n;
	struct finish *list[FINISH_MAX];
	struct finish ends[FINISH_MAX];
};

static void over(struct strays *strays, enum err e)
{
	strays->asking = false;
	if (e)
		strays->doubted = true;
}

static void on_back(void *ctx, enum err e, struct finish *const *batch, size_t n)
{
	struct handback *back = ctx;

	log_warn("jobs of a claim that was never answered go back", LOG_INT("jobs", (int64_t)n),
		LOG_ERR(e));
	over(back->strays, e);
	free(back);
}

static bool is_held(const struct worker *w, const struct lease *lease)
{
	const struct job *job = job_table_find(&w->jobs, lease->job);

	return job && job->fence == lease->fence;
}

static void back_add(struct handback *back, const struct lease *lease)
{
	struct finish *end = &back->ends[back->n];

	*end = (struct finish){
		.tenant = lease->tenant,
		.job = lease->job,
		.fence = lease->fence,
		.as = FINISH_INTERRUPTED,
		.error = ERR_INTERRUPTED,
		.event_last = lease->event_from + 1,
	};
	for (size_t i = 0; i < TIMINGS; i++)
		end->timings_ms[i] = -1;
	back->list[back->n++] = end;
}

static void on_leases(void *ctx, enum err e, const struct lease *leases, size_t n)
{
	struct strays *strays = ctx;
	struct worker *w = strays->worker;
	struct handback *back = e ? NULL : malloc(sizeof(*back));

	if (!back) {
		over(strays, e ? e : ERR_NOMEM);
		return;
	}
	back->strays = strays;
	back->n = 0;
	for (size_t i = 0; i < n && back->n < FINISH_MAX; i++)
		if (!is_held(w, &leases[i]))
			back_add(back, &leases[i]);
	strays->doubted = back->n == FINISH_MAX;
	if (back->n)
		e = finish_batch(
			worker_db_finish(w), w->incarnation, back->list, back->n, on_back, back);
	if (!back->n || e) {
		over(strays, e);
		free(back);
	}
}

void strays_doubt(struct strays *strays)
{
	const struct worker *w = strays->worker;

	strays->doubted = true;
	strays->late_ms =
		loop_now_ms(w->loop) + w->config->database.statement_timeout_ms + AGAIN_MS;
}

static bool is_due(const struct strays *strays)
{
	const int64_t now = loop_now_ms(strays->worker->loop);

	return strays->doubted || (now < strays->late_ms && now >= strays->next_ms);
}

void strays_flush(struct strays *strays)
{
	struct worker *w = strays->worker;

	if (strays->asking || !is_due(strays))
		return;
	strays->doubted = false;
	strays->next_ms = loop_now_ms(w->loop) + AGAIN_MS;
	strays->asking = true;
	if (lease_list(worker_db_claim(w), w->incarnation, on_leases, strays) != ERR_OK)
		over(strays, ERR_DB);
}
