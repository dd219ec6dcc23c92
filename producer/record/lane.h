/* lane.h - a thread with a loop and one connection, which runs one batch at a time.
 *
 * It takes what gathered in the inboxes of its kind, each operation in its turn, runs it
 * as one transaction and tells the items. A batch that has to run again, in parts or to
 * find out what became of it, goes before anything new. Ten times a second a lane fails
 * the items that waited too long.
 *
 * Threads: lane_start and lane_end on the record's; lane_batch_ended on the lane's; lane_wake
 * from any.
 * Memory: a lane is a place in the record's array. */
#ifndef RECORD_LANE_H
#define RECORD_LANE_H

#include "record/batch.h"
#include "record/record_shared.h"

struct lane {
	struct record *record;
	enum record_lane kind;
	pthread_t thread;
	struct loop *loop;
	struct db *db;
	struct loop_wake *wake;
	struct loop_timer *timer, *company;
	bool started;
	bool idle; /* under the record's lock: nothing under way, a wake-up will be heard */
	_Atomic size_t under_way;
	size_t turn;	     /* operation looked at next, so that none starves */
	struct batch *again; /* goes next; NULL = whatever waits */
};

/* Connects and begins to take. ERR_NOMEM, ERR_SYSTEM, or as db_open: lane_end cleans up. */
MUST_CHECK enum err lane_start(struct lane *lane);
/* Once record->stop is set: ends what is under way, joins. A lane that never started is fine. */
void lane_end(struct lane *lane);
/* Looks soon whether there is something to take. */
void lane_wake(struct lane *lane);
/* The transaction of the batch's part ended. */
void lane_batch_ended(struct lane *lane, struct batch *batch, enum err e);

#endif
