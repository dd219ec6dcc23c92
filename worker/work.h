/* work.h - what the worker's loop may be busy with, to name who held it up.
 *
 * The first are the steps of a job, in their order; then what reads a reply, and the
 * parts that flush at the end of a turn. A stall (a turn over 50 ms) is counted
 * under one of these names, and logged.
 *
 * Threads: constants. */
#ifndef WORKER_WORK_H
#define WORKER_WORK_H

#include "job.h"
#include "ports/loop.h"

#define WORK_TABLE(X)                                      \
	X(other) /* nobody named it: timers, other I/O  */ \
	STEP_TABLE(X)                                      \
	X(stream) /* a piece of a reply is read         */ \
	X(claim)  /* a claim is made, or answered       */ \
	X(intake) /* inputs arrive                      */ \
	X(finisher)                                        \
	X(writer)                                          \
	X(live)                                            \
	X(metrics)

#define WORK_NAME(name) WORK_##name,
enum work { WORK_TABLE(WORK_NAME) WORKS };
#undef WORK_NAME

_Static_assert((int)WORKS <= (int)LOOP_KINDS, "raise LOOP_KINDS");

/* "call", "finisher", ... */
const char *work_text(enum work work);
/* The work that a step is. */
static inline enum work work_of_step(enum step step)
{
	return WORK_lookup + (unsigned)step;
}

#endif
