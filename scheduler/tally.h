/* tally.h - what the leader did since the program started: for the log's line a minute, which
 * tells what came on top, and for the metrics.
 *
 * Threads: the scheduler's.  Memory: values. */
#ifndef SCHEDULER_TALLY_H
#define SCHEDULER_TALLY_H

#include <stdint.h>

/*         member         what it counts */
#define TALLY_TABLE(X)                                                       \
	X(dispatched) /* jobs marked and published */                        \
	X(unsent)     /* jobs whose message Kafka did not take */            \
	X(lost)	      /* jobs whose message was taken and led to no claim */ \
	X(due)	      /* jobs whose time came */                             \
	X(expired)    /* jobs whose deadline passed */                       \
	X(reaped)     /* workers declared dead */                            \
	X(returned)   /* their jobs */                                       \
	X(quarantined)                                                       \
	X(heads)      /* queue heads put back or removed */                  \
	X(partitions) /* days of history made or dropped */                  \
	X(failures)   /* duties that ended with an error */

struct tally {
#define TALLY_MEMBER(name) uint64_t name;
	TALLY_TABLE(TALLY_MEMBER)
#undef TALLY_MEMBER
};

#endif
