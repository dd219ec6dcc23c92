#include "choice.h"

#include "job.h"
#include "worker.h"

#include <limits.h>
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
		.output_max = job->output_max,
		.retry = job->attempt > 1,
		.tenant = job->tenant,
		.principal = job->principal,
	};
}

/* How a choice stands among the others. */
struct standing {
	struct choice choice;
	struct permit_verdict verdict;
	bool unknown; /* no fresh word came of it yet */
	int rank;
};

/* The smaller the better; its own model's before all others', unless those must be parked. What is
 * not known stands as if it were granted: it will be known in a millisecond, and if a place that
 * happens to be known went before it, that would be the one where the last attempt failed. */
static struct standing standing_of(
	struct job *job, const struct alternative *to, struct upstream_key *key, bool own)
{
	static const int ranks[][2] = {
		/*                 a fallback's  its own */
		[PERMIT_GRANTED] = {2, 0},
		[PERMIT_WAIT] = {3, 1},
		[PERMIT_PARK] = {5, 4},
	};
	struct standing s = {.choice = {to, key}};
	const struct permit_ask ask = choice_ask(job, &s.choice);

	s.verdict = permit_look(job->worker->permits, &job->permit, &ask);
	s.unknown = s.verdict.by == PERMIT_COPY;
	s.rank = ranks[s.unknown ? PERMIT_GRANTED : s.verdict.answer][own];
	return s;
}

/* Keys of one upstream differ in more than their rank. */
static bool is_better(const struct standing *a, const struct standing *than)
{
	if (a->rank != than->rank || a->choice.to != than->choice.to)
		return a->rank < than->rank;
	if (a->verdict.refused_lately != than->verdict.refused_lately)
		return than->verdict.refused_lately;
	if (a->unknown != than->unknown)
		return than->unknown;
	if (a->verdict.calls != than->verdict.calls)
		return a->verdict.calls < than->verdict.calls;
	return a->verdict.granted < than->verdict.granted;
}

/* Two names are one model; none is like none. */
static bool same(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

struct choice choice_make(struct job *job, const struct alternatives *a)
{
	const size_t turn = job->attempt > 0 ? (size_t)job->attempt - 1 : 0;
	const struct alternative *first = &a->list[turn % a->n];
	struct standing best = {
		.choice = {first, first->candidate.upstream->keys[0]}, .rank = INT_MAX};

	for (size_t i = 0; i < a->n && best.rank > 0; i++) {
		const struct alternative *to = &a->list[(turn + i) % a->n];
		const struct upstream *up = to->candidate.upstream;

		for (size_t k = 0; k < up->keys_n; k++) {
			const struct standing s =
				standing_of(job, to, up->keys[k], same(to->model, first->model));

			if (is_better(&s, &best))
				best = s;
		}
	}
	return best.choice;
}
