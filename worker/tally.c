#include "tally.h"

#include "ground/clock.h"
#include "ground/log.h"

enum { EVERY_MS = 1000 };

void tally_add(struct tally *t, const struct finish *end)
{
	const int64_t now = clock_ms();

	t->by_state[end->state]++;
	t->output_tokens += end->output_tokens;
	if (!t->since_ms)
		t->since_ms = now;
	t->n++;
}

void tally_tell(struct tally *t)
{
	if (!t->n || clock_ms() - t->since_ms < EVERY_MS)
		return;
	log_info("attempts ended", LOG_INT("completed", t->by_state[JOB_COMPLETED]),
		LOG_INT("failed", t->by_state[JOB_FAILED]),
		LOG_INT("waiting", t->by_state[JOB_WAITING]),
		LOG_INT("queued", t->by_state[JOB_QUEUED]),
		LOG_INT("expired", t->by_state[JOB_EXPIRED]),
		LOG_INT("output_tokens", t->output_tokens));
	*t = (struct tally){.since_ms = 0};
}
