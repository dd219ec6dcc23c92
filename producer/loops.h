/* loops.h - how long the producer's loops keep others waiting, and what held them up.
 *
 * Its own loop is busy with one part at a time, which names itself (loop_work); a lane
 * of the record does one thing, its kind's. A stall (a turn over 50 ms) is counted under
 * one of these names, and logged, once a second at most. The servers' threads have no
 * loop of ours: what they keep waiting is the time of a reply.
 *
 * Threads: loops_put any, the rest the one that makes the producer.  Memory: fixed. */
#ifndef LOOPS_H
#define LOOPS_H

#include "domain/metric.h"
#include "ground/err.h"
#include "ports/loop.h"

struct loops;
struct producer;

#define WORK_TABLE(X)                                            \
	X(other)     /* nobody named it: other I/O            */ \
	X(live)	     /* long polls, event streams, their text */ \
	X(limits)    /* of requests                           */ \
	X(publish)   /* Kafka has taken a message             */ \
	X(authority) /* revocations; open streams are judged  */ \
	X(issuers)   /* keys of others are fetched            */ \
	X(unproved)  /* refusals that were put off            */ \
	X(queues)                                                \
	X(plans)                                                 \
	X(holders)                                               \
	X(refusals)                                              \
	X(keys)

#define WORK_NAME(name) WORK_##name,
enum work { WORK_TABLE(WORK_NAME) WORKS };
#undef WORK_NAME

MUST_CHECK enum err loops_new(struct producer *producer, struct loops **ret_loops);
void loops_free(struct loops *loops);
/* Turns of all, and stalls by name. */
void loops_put(struct metric_text *text, const struct producer *producer);

#endif
