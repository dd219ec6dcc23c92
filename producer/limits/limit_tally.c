#include "limits/limit_tally.h"

#include "ground/clock.h"

void limit_tally_add(struct limit_tally *t, const struct limit_ask *ask)
{
	if (ask->admitted)
		t->admitted++;
	for (size_t i = 0; !ask->admitted && i < ask->n; i++) {
		const struct limit_key *key = &ask->keys[i];

		if (limit_pace_room(key->pace, key->ahead_us) >= 1)
			continue;
		t->refused[key->level]++;
		refusal_rate_add(&t->refusals[key->level], clock_ms());
	}
}

struct limiter_counts limit_tally_read(const struct limit_tally *t, bool shared)
{
	struct limiter_counts counts = {
		.admitted = t->admitted, .local = t->local, .shared = shared};

	for (size_t i = 0; i < LIMIT_LEVELS; i++) {
		counts.refused[i] = t->refused[i];
		counts.refused_lately[i] = refusal_rate_read(&t->refusals[i], clock_ms());
	}
	return counts;
}
