/* choice.h - which of its alternatives a job asks now, and with which key.
 *
 * The place of the attempt's number comes first, and the other upstreams of the
 * same model stand in for it: whoever may be called at once is, or whoever the fleet's
 * word is still awaited of, which decides then; then whoever can be waited for in the
 * worker. Only when all of them would send the job back to the record do the job's
 * fallback models get their turn, likewise. When nobody can be called soon, the job is
 * parked for the one that comes first.
 *
 * Of an upstream's keys that stand alike it takes one that was not refused lately, of
 * those one that is known of, and of those the one with the fewest calls under way for
 * the model.
 *
 * Threads: the loop's.  Memory: points into the alternatives. */
#ifndef WORKER_CHOICE_H
#define WORKER_CHOICE_H

#include "alternatives.h"
#include "upstreams/permit.h"

struct choice {
	const struct alternative *to;
	struct upstream_key *key;
};

/* The question that asks for leave to call the choice. */
struct permit_ask choice_ask(const struct job *job, const struct choice *choice);
struct choice choice_make(struct job *job, const struct alternatives *a);

#endif
