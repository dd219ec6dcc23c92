/* inbox.h - items of one operation that wait for a lane, oldest first.
 *
 * Threads: none of its own; whoever calls holds the record's lock. The counts alone are
 * read and written without it.
 * Memory: items belong to whoever put them in, and must live until they were told. */
#ifndef RECORD_INBOX_H
#define RECORD_INBOX_H

#include "record/record.h"

#include <stdatomic.h>

struct inbox {
	struct ring items;
	size_t weight;	  /* of them all */
	int64_t taken_ms; /* when a batch of them was made last */
	_Atomic uint64_t batches, done, failed, us;
};

void inbox_init(struct inbox *inbox);
void inbox_put(struct inbox *inbox, struct record_item *item);
/* NULL when nothing waits. */
struct record_item *inbox_oldest(const struct inbox *inbox);
/* The oldest leaves. NULL when nothing waits. */
struct record_item *inbox_pop(struct inbox *inbox);
/* How many, from the oldest on, weigh no more than weight_max together; the first may weigh more.
 */
size_t inbox_fit(const struct inbox *inbox, size_t weight_max);
/* Those that were put in before since_ms (clock_ms) move behind late. */
void inbox_late(struct inbox *inbox, int64_t since_ms, struct ring *late);

#endif
