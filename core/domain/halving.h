/* halving.h - how many go together while a value that the record refuses is looked for.
 *
 * One statement writes for many jobs, and a value that the record refuses takes all
 * of them down. They are sent again, at first half as many at a time, then half of
 * those, until one stands alone: that one is to blame. What is taken meanwhile
 * doubles the number, so that a batch is whole again soon.
 *
 * To end, it needs of its owner that those who were refused come first when the next
 * are chosen, and that only one statement is under way as long as halving_is_on.
 *
 * Threads: one owner.  Memory: none; zeroed is ready. */
#ifndef DOMAIN_HALVING_H
#define DOMAIN_HALVING_H

#include <stdbool.h>
#include <stddef.h>

struct halving {
	size_t most; /* may go together; 0: as many as there are */
};

/* How many of n may go together. */
size_t halving_most(const struct halving *h, size_t n);
bool halving_is_on(const struct halving *h);
/* So many were refused. True when that is one: its own value is refused, and all others may go
 * together again. */
bool halving_refused(struct halving *h, size_t n);
/* Those that were sent were taken; whole: what a batch holds. */
void halving_taken(struct halving *h, size_t whole);

#endif
