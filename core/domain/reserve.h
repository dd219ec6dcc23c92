/* reserve.h - slots that one queue leaves to the others.
 *
 * Queues share slots by weight and may borrow what others do not use; but calls
 * that hang give nothing back. So a fifth of all slots is kept, divided by weight
 * and at least one a queue: a queue that holds less than its part finds it free,
 * whatever the others wait for. What is kept is never more than half of all slots;
 * with more queues than that, the part goes to whoever asks first.
 *
 * The leader asks for the whole fleet, each worker for its own slots.
 *
 * Threads: pure. */
#ifndef DOMAIN_RESERVE_H
#define DOMAIN_RESERVE_H

#include <stdint.h>

/* A queue's part of slots. weights: the sum over all queues. */
int64_t reserve_part(int64_t slots, int64_t weight, int64_t weights);
/* How many of the free slots a queue may fill that holds so many. unmet: what the others hold less
 * than their parts, in all. */
int64_t reserve_room(int64_t slots, int64_t free_slots, int64_t part, int64_t held, int64_t unmet);

#endif
