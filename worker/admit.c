#include "alternatives.h"
#include "beat.h"
#include "choice.h"
#include "config/price.h"
#include "config/serving.h"
#include "ground/clock.h"
#include "job.h"
#include "upstreams/outcome.h"
#include "worker.h"

#include <stdlib.h>
#include <string.h>

enum { SERVED_MAX = 4096 };

/* What the call will be, as it is known now: a reload changes nothing of it any more. */
static enum err admitted(struct job *job, const struct choice *choice)
{
	const struct alternative *to = choice->to;
	struct upstreams *u = job->worker->upstreams;
	struct upstream_key *key = choice->key;
	const char *name = to->candidate.model ? to->candidate.model : "";
	const bool fell_back = to->model && job->model && strcmp(to->model, job->model) != 0;

	job->called_model = to->candidate.model ? strdup(name) : NULL;
	job->fallback_model = fell_back ? strdup(to->model) : NULL;
	if ((to->candidate.model && !job->called_model) || (fell_back && !job->fallback_model))
		return ERR_NOMEM;
	job->price = config_price(u->config, key->upstream->config, name, clock_record_ms());
	job->key = upstream_key_hold(key);
	return ERR_OK;
}

/* It goes back to the record; its attempt does not count. The key is held for its upstream's name.
 */
static void park(struct job *job, const struct choice *choice, const struct permit_verdict *verdict)
{
	job->key = upstream_key_hold(choice->key);
	job->park_ms = verdict->park_ms;
	job->park_line = verdict->line;
	job->park_wait = permit_block_wait(verdict->by);
	job->under_way.held = (struct held_back){.most = verdict->hold};
	job_fail(job, verdict->by_hand ? ERR_UP_BLOCKED : verdict->err);
}

static enum step_result admit_to(struct job *job, const struct alternatives *a)
{
	struct worker *w = job->worker;
	const struct choice choice = choice_make(job, a);
	const struct permit_ask ask = choice_ask(job, &choice);
	const struct permit_verdict verdict = permit_take(w->permits, &job->permit, &ask);
	enum err e;

	if (verdict.answer == PERMIT_WAIT) {
		if (verdict.hold)
			under_way_held(job, verdict.hold, choice.key, choice.to->model);
		ring_join(&w->admitting, &job->waiting);
		return STEP_WAIT;
	}
	job->elsewhere = a->n > 1;
	if (verdict.answer == PERMIT_PARK) {
		park(job, &choice, &verdict);
		return STEP_NEXT;
	}
	e = admitted(job, &choice);
	if (e)
		job_fail(job, e);
	return STEP_NEXT;
}

/* Its caller learns which models there are; they are our words, and stand where an upstream's
 * would. */
static void tell_served(struct job *job)
{
	const struct config *c = job->worker->config;
	struct buf text;

	buf_init(&text, SERVED_MAX);
	buf_text(&text, "served are ");
	if (config_served(c, NULL, &text) == ERR_OK)
		(void)outcome_words(text.bytes, text.len, (size_t)c->limits.upstream_message_bytes,
			&job->words);
	buf_clear(&text);
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
	/* A new call needs a pulse that the record acknowledged lately: a worker that may be taken
	 * for dead must not start what another will start as well. */
	if (!beat_is_fresh(w->beat)) {
		under_way_held(job, HOLD_RECORD, NULL, NULL);
		ring_join(&w->admitting, &job->waiting);
		return STEP_WAIT;
	}
	e = alternatives_gather(job, &alternatives);
	if (e == ERR_NO_UPSTREAM)
		tell_served(job);
	if (e)
		job_fail(job, e);
	else
		result = admit_to(job, &alternatives);
	alternatives_clear(&alternatives);
	return result;
}
