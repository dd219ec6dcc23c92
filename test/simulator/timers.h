/* timers.h - what is due next: a binary heap of deadlines.
 *
 * Each stream has one timer embedded; setting it anew moves it. Ten thousand
 * streams cost fourteen comparisons a step and no thread.
 *
 * Threads: one owner.  Memory: timers live in their owners; the heap keeps pointers. */
#ifndef SIMULATOR_TIMERS_H
#define SIMULATOR_TIMERS_H

#include "ground/err.h"

#include <stddef.h>
#include <stdint.h>

struct timer {
	int64_t due_us;
	size_t place; /* in the heap, from 1; 0 when not set */
};

struct timers {
	struct timer **heap; /* heap[1] is due first */
	size_t n;
	size_t room;
};

void timers_init(struct timers *t);
void timers_clear(struct timers *t);
/* Sets or moves a timer. ERR_NOMEM: it is not set. */
MUST_CHECK enum err timers_set(struct timers *t, struct timer *timer, int64_t due_us);
void timers_unset(struct timers *t, struct timer *timer);
/* The first timer that is due at now_us, unset; NULL when there is none. */
struct timer *timers_pop(struct timers *t, int64_t now_us);
/* Milliseconds until the next is due, rounded up; -1 when none is set. */
int timers_wait_ms(const struct timers *t, int64_t now_us);

#endif
