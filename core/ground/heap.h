/* heap.h - freed megabytes go back to the system.
 *
 * glibc maps a large block by itself and unmaps it when it is freed, but the first
 * such free teaches it to take the next ones of that size, up to 32 MiB, from its
 * heaps, where one small neighbour that lives on keeps them resident. Bodies,
 * replies and results of megabytes come in bursts; what a burst took must not stay.
 * Small blocks leave free pages between those that live on; they go back at the ebb.
 *
 * Threads: heap_begin before any other, a tide is its owner's.  Memory: the process'. */
#ifndef GROUND_HEAP_H
#define GROUND_HEAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* For the process' life: the size from which a block is mapped alone stands still, and heaps are
 * few, since each keeps what its threads once freed. */
void heap_begin(void);

/* How much somebody holds, by any measure that rises and falls with it. Zeroed = held nothing. */
struct heap_tide {
	size_t most;	/* since the last ebb */
	int64_t ebb_ms; /* when that was, or the tide began */
};

/* held: as it is at now_ms (monotonic). When it has fallen to a quarter of its most, the free pages
 * of the whole process go back, once a minute at most; true: now. That walks all free blocks and
 * stops whoever allocates meanwhile: 0.2 ms for each MiB of heap, so it waits for the ebb. */
bool heap_tide_tell(struct heap_tide *tide, size_t held, int64_t now_ms);

#endif
