#include "beat.h"
#include "job.h"
#include "upstreams/upstream.h"
#include "worker.h"

/* A new call needs a pulse that the record acknowledged lately: a worker that may be taken for
 * dead must not start what another will start as well. */
static bool may_call(const struct worker *w, const struct upstream *up)
{
	return beat_is_fresh(w->beat) && up->in_flight < (size_t)up->config->max_in_flight;
}

enum step_result step_admit(struct job *job)
{
	struct worker *w = job->worker;
	struct upstream *up;

	if (job->kind->runner != KIND_RUNS_UPSTREAM)
		return STEP_NEXT;
	if (w->mode >= WORKER_DRAINING) {
		job_fail(job, ERR_INTERRUPTED);
		return STEP_NEXT;
	}
	up = upstreams_find(w->upstreams, job->model);
	if (!up) {
		job_fail(job, ERR_NO_UPSTREAM);
		return STEP_NEXT;
	}
	if (!may_call(w, up)) {
		ring_join(&w->admitting, &job->waiting);
		return STEP_WAIT;
	}
	up->in_flight++;
	job->upstream = up;
	return STEP_NEXT;
}
