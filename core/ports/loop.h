/* loop.h - one thread waiting for many things (libuv lives behind this).
 *
 * A loop runs callbacks one at a time on the thread that called loop_run; none
 * of them may block. The loop counts its own health: how long each turn kept others
 * waiting, and who is to blame for those over 50 ms.
 *
 * Every _new below: ERR_NOMEM, or ERR_SYSTEM when the kernel refuses (descriptors).
 *
 * Threads: everything belongs to the one that runs the loop, or while nobody runs it
 * to whoever made it; only loop_wake_send and loop_health_add may be called from any.
 * Memory: an object belongs to whoever made it, who frees it before loop_free. After
 * its _free no callback of it runs, not even one that was due; libuv's own memory
 * of it goes at the end of the turn. A _free inside the object's own callback is fine. */
#ifndef PORTS_LOOP_H
#define PORTS_LOOP_H

#include "domain/histogram.h"
#include "ground/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;

MUST_CHECK enum err loop_new(struct loop **ret_loop);
/* Runs pending close callbacks, then frees. NULL is fine. */
void loop_free(struct loop *loop);
/* Runs until loop_stop; returns at once when it was stopped before. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/* Monotonic ms, refreshed once a turn: cheap. */
int64_t loop_now_ms(const struct loop *loop);

/* Timers. One shot; start again from the callback to repeat. */
struct loop_timer;
typedef void loop_timer_fn(void *owner);
MUST_CHECK enum err loop_timer_new(
	struct loop *loop, loop_timer_fn *fn, void *owner, struct loop_timer **ret_timer);
void loop_timer_start(struct loop_timer *timer, int64_t after_ms);
void loop_timer_stop(struct loop_timer *timer);
bool loop_timer_active(const struct loop_timer *timer);
/* Stops and frees (lazily); the callback never runs again. NULL is fine. */
void loop_timer_free(struct loop_timer *timer);

/* File descriptors, level triggered. */
enum { LOOP_READ = 1, LOOP_WRITE = 2 };
struct loop_io;
typedef void loop_io_fn(
	void *owner, int events); /* events also set on error: the owner's I/O call tells */
MUST_CHECK enum err loop_io_new(
	struct loop *loop, int fd, loop_io_fn *fn, void *owner, struct loop_io **ret_io);
/* events = 0 pauses. */
void loop_io_want(struct loop_io *io, int events);
/* Must be called before the descriptor is closed. NULL is fine. */
void loop_io_free(struct loop_io *io);

/* Wake-ups from any thread: fn runs soon on the loop; several wakes may become one. */
struct loop_wake;
typedef void loop_wake_fn(void *owner);
MUST_CHECK enum err loop_wake_new(
	struct loop *loop, loop_wake_fn *fn, void *owner, struct loop_wake **ret_wake);
void loop_wake_send(struct loop_wake *wake); /* any thread */
void loop_wake_free(struct loop_wake *wake);

/* At the end of each turn, after all I/O of it: the place to flush batches. */
struct loop_idle;
typedef void loop_idle_fn(void *owner);
MUST_CHECK enum err loop_after_io_new(
	struct loop *loop, loop_idle_fn *fn, void *owner, struct loop_idle **ret_idle);
void loop_after_io_free(struct loop_idle *idle);

/* Signals, delivered as callbacks on the loop. */
struct loop_signal;
typedef void loop_signal_fn(void *owner, int signo);
MUST_CHECK enum err loop_signal_new(struct loop *loop, int signo, loop_signal_fn *fn, void *owner,
	struct loop_signal **ret_signal);
void loop_signal_free(struct loop_signal *signal);

/* What it is busy with, in numbers of the owner's; 0 is everything that nobody named. */
enum { LOOP_KINDS = 32 };
/* From here on it is work of this kind; returns the kind before, to be named again at its end. A
 * turn over 50 ms is blamed on the kind that took most of it. Costs 5 ns: the clock is a
 * coarse one, which is exact enough for 50 ms. */
unsigned loop_work(struct loop *loop, unsigned kind);

struct loop_health {
	uint64_t turns;
	uint64_t stalls; /* turns whose callbacks took over 50 ms */
	int64_t worst_us;
	struct histogram turn_us;    /* FAST: what each turn kept everything else waiting */
	uint64_t blamed[LOOP_KINDS]; /* the stalls, by kind */
	unsigned last_kind;	     /* of the last stall */
	int64_t last_us;
};
/* Valid as long as the loop; on its thread. */
const struct loop_health *loop_health(const struct loop *loop);
/* Any thread: adds what it was at the end of the last turn to *sum, which is zeroed at first, so
 * that several loops of a process make one. Of last_ it keeps one loop's. */
void loop_health_add(struct loop *loop, struct loop_health *sum);
void loop_health_sum(const struct loop_health *one, struct loop_health *sum);

#endif
