/* heap.h - freed megabytes go back to the system.
 *
 * glibc maps a large block by itself and unmaps it when it is freed, but the first
 * such free teaches it to take the next ones of that size, up to 32 MiB, from its
 * heaps, where one small neighbour that lives on keeps them resident. Bodies,
 * replies and results of megabytes come in bursts; what a burst took must not stay.
 *
 * Threads: before any other.  Memory: the process'. */
#ifndef GROUND_HEAP_H
#define GROUND_HEAP_H

/* For the process' life: the size from which a block is mapped alone stands still, and heaps are
 * few, since each keeps what its threads once freed. */
void heap_begin(void);

#endif
