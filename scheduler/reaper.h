/* reaper.h - returns the jobs of workers that are gone (rules 6-9).
 *
 * Looks ten times a second, judges by liveness.h, and hands whole workers to the
 * store, whose one guarded statement looks again before it acts.
 *
 * Threads: the scheduler's. */
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
