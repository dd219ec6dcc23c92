/* reaper.h - returns the jobs of workers that are gone.
 *
 * Looks every scheduler.reap_ms, judges by liveness.h, and hands whole workers to
 * the store, whose guarded statement looks again before it acts: all jobs of a dead
 * worker return at once, and a crash note among them says which one is to blame.
 *
 * Threads: the scheduler's.  Memory: room for the workers of one look. */
#ifndef SCHEDULER_REAPER_H
#define SCHEDULER_REAPER_H

#include "leader.h"

struct reaper;

MUST_CHECK enum err reaper_new(struct reaper **ret_reaper);
void reaper_free(struct reaper *reaper);
MUST_CHECK enum err reaper_run(struct leader *leader, bool *ret_busy);
/* Crash notes that came after their worker was reaped, and leases that a claim under way left with
 * a worker already gone. */
MUST_CHECK enum err reaper_notes(struct leader *leader, bool *ret_busy);

#endif
