/* beat.h - the worker's pulse, on a connection where nothing else waits.
 *
 * The connection registers the incarnation, holds its advisory lock and reports
 * what the crash note of the one before said. Then it beats. The reply tells of
 * cancels, a drain, or that this worker was declared dead. A cancel that arrives
 * another way (Redis) is only a reason to beat at once: the record decides.
 *
 * After a silence of the record the first beat that is acknowledged makes the
 * worker ask which of its jobs it still holds.
 *
 * Threads: the loop's.  Memory: fixed. */
#ifndef WORKER_BEAT_H
#define WORKER_BEAT_H

#include "ground/err.h"

#include <stdbool.h>
#include <stdint.h>

struct beat;
struct db;
struct worker;

MUST_CHECK enum err beat_new(struct worker *w, struct beat **ret_beat);
void beat_free(struct beat *b);
/* Registered, and not declared dead since. */
bool beat_is_registered(const struct beat *b);
/* Was the last acknowledged beat sent within half a lease? */
bool beat_is_fresh(const struct beat *b);
/* Does this connection lead to the history that was pinned? On any other nothing may be claimed
 * and nothing ended: its fences may be those of a history that is lost (stores/epoch.h). */
bool beat_vouches(const struct beat *b, const struct db *db);
/* How long ago the last acknowledged beat was sent. 0 before the first. */
int64_t beat_silent_ms(const struct beat *b);
/* Beats without waiting for the next time. */
void beat_now(struct beat *b);
/* A new incarnation registers. */
void beat_restart(struct beat *b);
/* Leaves the record cleanly; answered or not, the worker is gone then and its loop stops. */
void beat_leave(struct beat *b);

#endif
