/* batch.h - items of one operation on their way through a lane.
 *
 * They run as one transaction. When it is refused for a value, they run again in parts
 * (domain/halving.h) until the item that is to blame stands alone; so what the
 * operation sees, the view, is the part that runs now, and the parts behind it wait.
 *
 * Threads: the lane's.  Memory: batch_new makes all of it; free() when no part is left. */
#ifndef RECORD_BATCH_H
#define RECORD_BATCH_H

#include "domain/halving.h"
#include "record/inbox.h"

struct batch {
	struct record_batch view; /* first */
	struct halving halving;
	size_t all, behind; /* items: of the whole; that wait behind the view's */
	int64_t began_us;   /* the part; 0 = not yet */
	bool settling;
	struct record_item *items[];
};

/* Takes the n oldest from the inbox. NULL when n is 0 or out of memory: nothing was taken. */
struct batch *batch_new(struct inbox *inbox, const struct record_op *op, size_t n);
/* The part was refused for a value. True: a smaller one is to run. False: the part is one item, and
 * it is to blame. */
bool batch_refused(struct batch *batch);
/* The part's items were told. True: the next part is to run. */
bool batch_next(struct batch *batch, bool taken);

#endif
