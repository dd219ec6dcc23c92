/* race_world.h - what the race for a job knows: who was given which fence, and how each ended.
 *
 * What the stores' replies said is kept here, and at the end of every few rounds
 * held against the rows. Each actor has a connection of its own, so that their
 * transactions can overlap. */
#ifndef TEST_RACE_WORLD_H
#define TEST_RACE_WORLD_H

#include "stores/due.h"
#include "stores/job_change.h"
#include "stores/reap.h"
#include "unit/core/stores/record_job.h"

enum { RACE_WORKERS = 3, RACE_JOBS = 2, RACE_ROUNDS = 40, RACE_FENCES = 64, RACE_HELD = 24 };
enum { RACE_LOG = 4000 };

/* What the replies said of one job. */
struct race_job {
	struct id id;
	int claims;
	bool given[RACE_FENCES]; /* fence numbers from the epoch's base on */
	bool ended[RACE_FENCES]; /* by their holder, acknowledged */
	enum job_state as[RACE_FENCES];
	int finals; /* terminal states that somebody was told they wrote */
};

/* A claim as its worker remembers it, long after it has lost it. */
struct race_held {
	struct id worker;
	struct claim claim;
	struct race_job *job;
};

struct race_worker {
	struct db *db;
	struct id id;
	struct race_held held[RACE_HELD];
	size_t held_n;
};

struct race {
	struct db *producer, *clock, *leader, *deadline, *book, *gate, *key;
	struct race_worker workers[RACE_WORKERS];
	struct id tenant, me;
	int32_t queue;
	int64_t term, base; /* fences count from base */
	struct race_job jobs[RACE_ROUNDS * RACE_JOBS];
	size_t jobs_n;
	uint64_t seed, dice;
	char log[RACE_LOG]; /* of this round, for whoever must understand a failure */
	size_t log_n;
	long interleavings, gated, claims, refused;
};

static inline uint64_t race_dice(struct race *r, uint64_t sides)
{
	uint64_t z = (r->dice += 0x9e3779b97f4a7c15u); /* splitmix64 */

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return (z ^ (z >> 31)) % sides;
}

__attribute__((format(printf, 2, 3))) static inline void race_say(
	struct race *r, const char *format, ...)
{
	va_list words;
	int n;

	va_start(words, format);
	n = vsnprintf(r->log + r->log_n, RACE_LOG - r->log_n, format, words);
	va_end(words);
	if (n > 0 && r->log_n + (size_t)n < RACE_LOG)
		r->log_n += (size_t)n;
}

static inline void race_must(struct race *r, bool holds, const char *what)
{
	if (!holds)
		fail_msg("SEED=%llu: %s; the round: %s", (unsigned long long)r->seed, what, r->log);
}

static inline struct race_job *race_job_of(struct race *r, struct id id)
{
	for (size_t i = r->jobs_n; i-- > 0;)
		if (id_equal(r->jobs[i].id, id))
			return &r->jobs[i];
	return NULL;
}

/* Takes the one number of a reply. */
static inline void race_counted(void *ctx, enum err e, const struct db_reply *reply)
{
	assert_int_equal(e, ERR_OK);
	*(int64_t *)ctx = db_int(db_reply_rows(reply, 0), 0, 0);
}

#endif
