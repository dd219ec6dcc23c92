/* inbox.h - items of one operation that wait for a lane, oldest first.
 *
 * Items that are somebody's (record.h, turns) stand behind the first of theirs, and only
 * the first ones of each stand in the line: whoever had a turn goes to its end with the
 * next. Where somebody's items share a batch they come as all others.
 *
 * Threads: none of its own; whoever calls holds the record's lock. The counts alone are
 * read and written without it.
 * Memory: items belong to whoever put them in, and must live until they were told. */
#ifndef RECORD_INBOX_H
#define RECORD_INBOX_H

#include "record/record.h"

#include <stdatomic.h>

struct inbox {
	struct ring items; /* nobody's in particular, which go first */
	struct ring turns; /* the first of each that has some */
	size_t weight;	   /* of them all */
	int64_t taken_ms;  /* when a batch of them was made last */
	size_t taken_n;	   /* so many had it */
	_Atomic uint64_t batches, done, failed, us;
};

void inbox_init(struct inbox *inbox);
/* False: as many of the same wait already as may (record.h, turns). */
MUST_CHECK bool inbox_put(struct inbox *inbox, struct record_item *item);
/* Whose turn is next. NULL when nothing waits. */
struct record_item *inbox_oldest(const struct inbox *inbox);
/* That one leaves. NULL when nothing waits. */
struct record_item *inbox_pop(struct inbox *inbox);
/* How many, from that one on, weigh no more than weight_max together; the first may weigh more.
 * Of those who take turns it is one. */
size_t inbox_fit(const struct inbox *inbox, size_t weight_max);
/* Those that were put in before since_ms (clock_ms) move behind late. */
void inbox_late(struct inbox *inbox, int64_t since_ms, struct ring *late);

#endif
