/* leader.h - one of many schedulers acts; this is how it knows, and what it does.
 *
 * Every scheduler asks Postgres for the term. Who has it leads: it runs the duties
 * of duty.c, each at its own pace, one after the other on one thread that may
 * block (there is nothing else to serve here). Every statement carries the term:
 * a leader that was frozen and wakes touches nothing, learns ERR_LOST and follows.
 * What it might still send to Kafka is a hint, and harmless.
 *
 * A clean stop gives the term back, so that another takes over within
 * FOLLOW_EVERY_MS; a killed leader's term runs out after term_ms.
 *
 * Threads: the loop's; librdkafka's own and the kafka_admin's (kafka_admin.h) touch
 * nothing here.  Memory: one struct, freed by leader_free. */
#ifndef SCHEDULER_LEADER_H
#define SCHEDULER_LEADER_H

#include "ground/id.h"
#include "ports/db.h"
#include "stores/term.h"
#include "tally.h"

#include <stdbool.h>
#include <stdint.h>

struct config;
struct metrics;

struct leader {
	struct loop *loop;
	struct loop_timer *timer;
	struct config *config; /* held */
	struct db *db;
	struct id self;
	int64_t term;		   /* 0 = following */
	int64_t held_ms;	   /* when the term was last extended */
	int64_t session_ms;	   /* since when our session with Postgres lives; 0 = it does not */
	bool pinned;		   /* this session leads to the record's present history */
	int64_t *duty_due_ms;	   /* per duty, when to run next */
	struct tally tally;	   /* since the start */
	struct tally told;	   /* of it, in the log */
	struct dispatch *dispatch; /* what outlives a turn, by duty */
	struct grants *grants;
	struct lost_messages *lost;
	struct reaper *reaper;
	struct sequencer *sequencer;
	struct archive *archive;
	struct scheduler_keys *keys;
	struct metrics *metrics;
};

/* Connects, and starts to take part. ERR_CONFIG, ERR_NOMEM, ERR_SYSTEM */
MUST_CHECK enum err leader_new(
	struct loop *loop, struct config *config, struct leader **ret_leader);
/* Gives the term back when we have it, disconnects, frees. NULL is fine. */
void leader_free(struct leader *leader);

/* What may change while running (LIVE rows) counts from the next turn on. */
void leader_configure(struct leader *leader, struct config *config);

/* ---- for the duties ---- */

/* Where a store's callback leaves its outcome: pass an ask as ctx. */
struct ask {
	enum err err;
	size_t n; /* rows, where the call tells */
};
/* Waits for a call that was begun (with this outcome) and returns how it ended. A statement that
 * does not end in time is cut, and ends as ERR_DB. */
MUST_CHECK enum err leader_wait(struct leader *leader, enum err begun, const struct ask *ask);
/* Something became ready: every duty that is not a scan runs again in this turn. */
void leader_hurry(struct leader *leader);
/* Callbacks that fill an ask. */
void ask_work(void *ctx, enum err e, size_t n);
void ask_done(void *ctx, enum err e, const struct db_reply *reply);

#endif
