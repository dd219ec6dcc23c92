/* limit_flush.h - one call of the script: its words, and what its answer says to whom.
 *
 * Threads: the limiter's loop, under its lock where that says so.  Memory: bounded by
 * LIMIT_FLUSH_KEYS buckets of groups; requests that ask what others ask need none of their own. */
#ifndef LIMITS_LIMIT_FLUSH_H
#define LIMITS_LIMIT_FLUSH_H

#include "limits/limit_ask.h"
#include "ports/scratch.h"

enum { LIMIT_FLUSH_KEYS = 2048 };

struct limit_flush;

MUST_CHECK enum err limit_flush_new(struct limit_flush **ret_flush);
/* NULL is fine. */
void limit_flush_free(struct limit_flush *f);

/* What this producer remembers: a floor for Redis. By slack_us it may be off, as long as an answer
 * that came in time can have taken, and the one before it. */
struct limit_memory {
	const struct levels *levels;
	int64_t now_us, slack_us;
};

/* Moves asks from the inbox to ret_asks, as many as fit in their order, and groups them. */
void limit_flush_fill(struct limit_flush *f, const struct limit_memory *memory, struct ring *inbox,
	struct ring *ret_asks);
/* Instead: groups that ask for nothing and tell Redis what is remembered, from *at on
 * (levels_next). False: there is nothing more to tell. */
bool limit_flush_remind(struct limit_flush *f, const struct limit_memory *memory, size_t *at);
/* Errors as scratch_run. */
MUST_CHECK enum err limit_flush_send(struct limit_flush *f, struct scratch *scratch,
	struct scratch_script *script, scratch_reply_fn *fn, void *owner);
/* Answers the asks that limit_flush_fill moved (none, when they were given up), and remembers the
 * levels as they stood at sent_us. */
void limit_flush_take(struct limit_flush *f, const struct scratch_reply *reply,
	struct levels *levels, int64_t sent_us, struct ring *asks);

#endif
