/* reap.h - returning the jobs of workers that are gone.
 *
 * A worker is gone when its lease has run out, or when its advisory lock is not
 * held (read from pg_locks, never taken) and it has not beaten for 2.4 s: a line cut
 * for 1.5 s just after a beat is back by then, lock first. The second
 * is a hint that the caller switches on. Before it calls reap_workers a leader
 * must have had its session for one full lease; reap_look tells how many are
 * silent, and when that is more than half of the fleet the leader waits one more
 * lease (a Postgres restart silences all; none of them is dead).
 *
 * All jobs of a gone worker return in one guarded statement. A crash note blames
 * one job: its crashes rise, at REAP_CRASHES_MAX it fails as poison, dead. All
 * others count an interruption; without a note also a death, and a job with two
 * deaths runs on probation, where a further death counts as a crash.
 *
 * What the lost attempts used is guessed in the same statement, from lengths (usage.h): the
 * job's input, which a call is taken to have sent, and the text that the record has of
 * the attempt. Which upstream was asked is not known, so no price is: a guess costs 0. A
 * holder that lives after all tells better (finish_usage).
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it; arguments are
 * copied. */
#ifndef STORES_REAP_H
#define STORES_REAP_H

#include "stores/term.h"

/* #defines, as they are pieces of SQL: crashes that make a job poison; a silence, in ms. */
#define REAP_CRASHES_MAX 3
#define REAP_SILENT_MS	 2400
/* A job that runs on probation, as a piece of SQL. */
#define REAP_ON_PROBATION "deaths >= 2"

struct reap_worker {
	struct id id;
	bool silent;	  /* not heard of for REAP_SILENT_MS */
	bool lock;	  /* its advisory lock is held */
	bool lapsed;	  /* its lease has run out */
	int64_t quiet_ms; /* since the last beat */
	int64_t lease_ms;
};
typedef void reap_look_done(void *ctx, enum err e, const struct reap_worker *workers, size_t n);
/* All workers that have neither left nor been declared dead, the longest silent first. */
MUST_CHECK enum err reap_look(struct db *db, reap_look_done *done, void *ctx);

struct reap_report {
	size_t workers, returned, quarantined;
};
typedef void reap_done(void *ctx, enum err e, const struct reap_report *report);
/* Declares those of workers dead that are still silent as said (by_lock: a missing lock and
 * REAP_SILENT_MS are enough), and returns their jobs. ERR_LOST: not the present term. */
struct reap_gone {
	const struct id *workers;
	size_t n;
	bool by_lock;
};
MUST_CHECK enum err reap_workers(
	struct db *db, int64_t term, const struct reap_gone *ask, reap_done *done, void *ctx);
/* Crash notes that came after their worker was reaped: their jobs are blamed after all. One that is
 * poison by that fails at once, also where it runs again: its holder gets a notice. */
MUST_CHECK enum err reap_notes(struct db *db, int64_t term, reap_done *done, void *ctx);

#endif
