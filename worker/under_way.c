#include "under_way.h"

#include "call.h"
#include "ground/clock.h"
#include "job.h"
#include "upstreams/upstream.h"
#include "worker.h"

#include <stdlib.h>
#include <string.h>

void held_back_by(struct held_back *b, enum hold hold, int64_t now_ms)
{
	if (hold == b->now)
		return;
	if (b->now && now_ms - b->since_ms >= b->most_ms) {
		b->most = b->now;
		b->most_ms = now_ms - b->since_ms;
	}
	b->now = hold;
	b->since_ms = now_ms;
}

void under_way_clear(struct under_way *u)
{
	ring_leave(&u->calling);
	upstream_key_release(u->key);
	free(u->model);
	*u = (struct under_way){.key = NULL};
}

static bool is_same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

/* Without memory for the name the job's own is told. */
void under_way_held(struct job *job, enum hold hold, struct upstream_key *key, const char *model)
{
	struct under_way *u = &job->under_way;

	held_back_by(&u->held, hold, loop_now_ms(job->worker->loop));
	if (key && key != u->key) {
		upstream_key_release(u->key);
		u->key = upstream_key_hold(key);
	}
	if (!is_same(model, u->model)) {
		free(u->model);
		u->model = model ? strdup(model) : NULL;
	}
}

const char *under_way_held_by(struct job *job)
{
	struct held_back *held = &job->under_way.held;

	held_back_by(held, HOLD_NONE, loop_now_ms(job->worker->loop));
	return held->most ? hold_word(held->most) : NULL;
}

/* Of whom the record believes that it waits, it is told first. */
void under_way_called(struct job *job)
{
	struct worker *w = job->worker;

	if (job->under_way.told == TOLD_HELD)
		ring_join_first(&w->calling, &job->under_way.calling);
	else
		ring_join(&w->calling, &job->under_way.calling);
}

static struct worker_told told_of(
	const struct job *job, const struct upstream_key *key, const char *model, int64_t since_us)
{
	return (struct worker_told){
		.tenant = job->tenant,
		.job = job->id,
		.fence = job->fence,
		.upstream = key ? key->upstream->name : NULL,
		.key_label = key && key->header ? key->label : NULL,
		.model = model,
		.ago_ms = (clock_us() - since_us) / 1000,
	};
}

/* A full worker's jobs wait for a place for a moment each, and there are thousands a second. */
enum { CALL_BEATS = 1, WAIT_BEATS = 3 };

static bool is_young(const struct job *job, int64_t since_us, int beats)
{
	return clock_us() - since_us < beats * job->worker->config->worker.beat_ms * 1000;
}

static struct worker_told call_tell(struct job *job)
{
	const char *model = job->fallback_model ? job->fallback_model : job->model;

	job->under_way.told = TOLD_CALLED;
	ring_leave(&job->under_way.calling);
	return told_of(job, job->key, model, job->admitted_us);
}

static size_t calls_tell(struct worker *w, struct worker_told *told, size_t max)
{
	size_t n = 0;

	while (n < max && !ring_empty(&w->calling)) {
		struct job *job = RING_OF(w->calling.next, struct job, under_way.calling);

		if (job->under_way.told == TOLD_NOTHING &&
			is_young(job, job->admitted_us, CALL_BEATS))
			break;
		told[n++] = call_tell(job);
	}
	return n;
}

/* By the same, from a call with the same key. */
static bool is_told(const struct under_way *u)
{
	return u->told == TOLD_HELD && u->told_hold == u->held.now && u->told_key == u->key;
}

static struct worker_told wait_tell(struct job *job)
{
	struct under_way *u = &job->under_way;
	struct worker_told told = told_of(job, u->key, u->model, job->claimed_us);

	u->told = TOLD_HELD;
	u->told_hold = u->held.now;
	u->told_key = u->key;
	told.held_by = hold_word(u->held.now);
	return told;
}

static size_t waits_tell(struct worker *w, struct worker_told *told, size_t max)
{
	size_t n = 0;

	for (struct ring *at = w->admitting.next; n < max && at != &w->admitting; at = at->next) {
		struct job *job = RING_OF(at, struct job, waiting);
		const struct under_way *u = &job->under_way;

		if (u->held.now && !is_told(u) && !is_young(job, job->claimed_us, WAIT_BEATS))
			told[n++] = wait_tell(job);
	}
	return n;
}

size_t under_way_tell(struct worker *w, struct worker_told *told, size_t max)
{
	const size_t n = calls_tell(w, told, max);

	return n + waits_tell(w, told + n, max - n);
}

void under_way_doubt(struct worker *w)
{
	for (struct ring *at = w->jobs.held.next; at != &w->jobs.held; at = at->next) {
		struct job *job = RING_OF(at, struct job, held);

		if (job->under_way.told == TOLD_CALLED && job->call && job->call->http)
			ring_join(&w->calling, &job->under_way.calling);
		job->under_way.told = TOLD_NOTHING;
	}
}
