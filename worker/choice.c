#include "choice.h"

#include "job.h"
#include "worker.h"

#include <string.h>

/* One upstream that hangs must leave slots for the jobs of the others, but even a worker of one
 * slot calls. */
static int64_t calls_at_a_time(const struct worker *w, const struct upstream *up)
{
	const int64_t percent = w->upstreams->n > 1 ? w->config->pacing.slots_percent : 100;
	const int64_t part = w->config->worker.slots * percent / 100;
	const int64_t calls = part > 1 ? part : 1;

	return calls < up->config->max_in_flight ? calls : up->config->max_in_flight;
}

struct permit_ask choice_ask(const struct job *job, const struct choice *choice)
{
	const struct upstream *up = choice->to->candidate.upstream;

	return (struct permit_ask){
		.upstream = up->config,
		.key = choice->key->label,
		.model = choice->to->candidate.model,
		.ceiling = calls_at_a_time(job->worker, up),
		.input_bytes = job->input.len,
		.retry = job->attempt > 1,
	};
}

/* The smaller the better; its own model's before all others', unless those must be parked. */
static int rank(const struct job *job, const struct choice *choice, bool own)
{
	static const int ranks[][2] = {
		/*                 a fallback's  its own */
		[PERMIT_GRANTED] = {2, 0},
		[PERMIT_WAIT] = {3, 1},
		[PERMIT_PARK] = {5, 4},
	};
	const struct permit_ask ask = choice_ask(job, choice);

	return ranks[permit_look(job->worker->permits, &job->permit, &ask).answer][own];
}

/* Two names are one model; none is like none. */
static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

struct choice choice_make(const struct job *job, const struct alternatives *a)
{
	const size_t turn = job->attempt > 0 ? (size_t)job->attempt - 1 : 0;
	const struct alternative *first = &a->list[turn % a->n];
	struct choice best = {first, upstreams_key(job->worker->upstreams, &first->candidate)};
	int best_rank = rank(job, &best, true);

	for (size_t i = 0; i < a->n && best_rank > 0; i++) {
		const struct alternative *to = &a->list[(turn + i) % a->n];
		const struct upstream *up = to->candidate.upstream;

		for (size_t k = 0; k < up->keys_n && best_rank > 0; k++) {
			const struct choice choice = {to, up->keys[k]};
			const int at = rank(job, &choice, same(to->model, first->model));

			if (at >= best_rank)
				continue;
			best = choice;
			best_rank = at;
		}
	}
	return best;
}
