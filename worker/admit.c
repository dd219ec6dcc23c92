#include "alternatives.h"
#include "beat.h"
#include "config/price.h"
#include "ground/clock.h"
#include "job.h"
#include "worker.h"

#include <stdlib.h>
#include <string.h>

/* A new call needs a pulse that the record acknowledged lately: a worker that may be taken for
 * dead must not start what another will start as well. */
static bool may_call(const struct worker *w, const struct upstream *up)
{
	return beat_is_fresh(w->beat) && up->in_flight < (size_t)up->config->max_in_flight;
}

/* What the call will be, as it is known now: a reload changes nothing of it any more. */
static enum err admitted(struct job *job, const struct alternative *to)
{
	struct upstreams *u = job->worker->upstreams;
	struct upstream_key *key = upstreams_key(u, &to->candidate);
	const char *name = to->candidate.model ? to->candidate.model : "";
	const bool fell_back = to->model && job->model && strcmp(to->model, job->model) != 0;

	job->called_model = to->candidate.model ? strdup(name) : NULL;
	job->fallback_model = fell_back ? strdup(to->model) : NULL;
	if ((to->candidate.model && !job->called_model) || (fell_back && !job->fallback_model))
		return ERR_NOMEM;
	job->price = config_price(u->config, key->upstream->config, name, clock_record_ms());
	job->key = upstream_key_hold(key);
	job->in_flight = true;
	key->in_flight++;
	key->started++;
	key->upstream->in_flight++;
	return ERR_OK;
}

/* Each attempt takes the place of its number. */
static enum step_result admit_to(struct job *job, const struct alternatives *a)
{
	const size_t turn = job->attempt > 0 ? (size_t)job->attempt - 1 : 0;
	const struct alternative *to = &a->list[turn % a->n];
	enum err e;

	if (!may_call(job->worker, to->candidate.upstream)) {
		ring_join(&job->worker->admitting, &job->waiting);
		return STEP_WAIT;
	}
	job->elsewhere = a->n > 1;
	e = admitted(job, to);
	if (e)
		job_fail(job, e);
	return STEP_NEXT;
}

enum step_result step_admit(struct job *job)
{
	struct worker *w = job->worker;
	struct alternatives alternatives;
	enum step_result result = STEP_NEXT;
	enum err e;

	if (job->kind->runner != KIND_RUNS_UPSTREAM)
		return STEP_NEXT;
	if (w->mode >= WORKER_DRAINING) {
		job_fail(job, ERR_INTERRUPTED);
		return STEP_NEXT;
	}
	e = alternatives_gather(job, &alternatives);
	if (e)
		job_fail(job, e);
	else
		result = admit_to(job, &alternatives);
	alternatives_clear(&alternatives);
	return result;
}
