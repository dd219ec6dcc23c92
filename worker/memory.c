#include "memory.h"

#include "call.h"
#include "claim.h"
#include "domain/verdict.h"
#include "finisher.h"
#include "job.h"
#include "worker.h"

enum {
	CALL_BYTES = 16 << 10, /* libcurl's own for a transfer */
	LEAST_BYTES = 4 << 10, /* no job is expected to be smaller */
	LEARN_OF = 8,	       /* the last one counts for an eighth */
	MIB = 1 << 20
};

size_t worker_memory_held(const struct worker *w)
{
	return w->memory.jobs + finisher_bytes(w->finisher) + http_active(w->http) * CALL_BYTES;
}

size_t worker_memory_target(const struct worker *w)
{
	return (size_t)w->config->worker.memory_mb * MIB;
}

static size_t expected(const struct worker *w)
{
	return w->memory.expected ? w->memory.expected : (size_t)w->config->limits.body_bytes;
}

/* A worker that holds nothing takes one job, however large they are expected to be. */
size_t memory_jobs_room(const struct worker *w)
{
	const size_t held = worker_memory_held(w), target = worker_memory_target(w);
	const size_t coming = claim_reserved(w->claim) + w->memory.unloaded;
	const size_t room = held < target ? (target - held) / expected(w) : 0;

	if (room <= coming)
		return w->jobs.n == 0 && coming == 0;
	return room - coming;
}

static size_t weight(const struct job *job)
{
	size_t bytes = sizeof(*job) + job->input.room + job->fallback.room + job->body.room +
		       job->words.room + job->output.lengths.room;

	if (job->call)
		bytes += sizeof(*job->call) + reply_bytes(&job->call->reply);
	return bytes;
}

void memory_weigh(struct job *job)
{
	struct memory *m = &job->worker->memory;
	const size_t result = job->result ? released_len(job->result) : 0;
	const size_t now = weight(job) + result;

	m->jobs += now - job->weight;
	m->results += result - job->result_weight;
	job->weight = now;
	job->result_weight = result;
}

void memory_learn(struct job *job)
{
	struct memory *m = &job->worker->memory;
	const size_t mean = expected(job->worker);

	memory_weigh(job);
	m->expected = mean - mean / LEARN_OF + job->weight / LEARN_OF;
	if (m->expected < LEAST_BYTES)
		m->expected = LEAST_BYTES;
}

void memory_forget(struct job *job)
{
	struct memory *m = &job->worker->memory;

	m->jobs -= job->weight;
	m->results -= job->result_weight;
	job->weight = job->result_weight = 0;
}
