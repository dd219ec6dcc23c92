/* record_shared.h - what all lanes of a record share. For producer/record only.
 *
 * record.c makes it and puts items in; lane.c takes them out.
 *
 * Threads: the lock guards inboxes and lanes' idle; the rest is atomic, or does not change once
 * lanes run.  Memory: the record's. */
#ifndef RECORD_RECORD_SHARED_H
#define RECORD_RECORD_SHARED_H

#include "record/inbox.h"

#include <pthread.h>

enum { RECORD_OPS_MAX = 128, RECORD_AWAY_GRACE_MS = 200 };

struct lane;

struct record {
	struct record_options options;
	size_t ops_n;
	pthread_mutex_t lock;
	struct inbox inboxes[RECORD_OPS_MAX];
	_Atomic size_t pending;
	_Atomic size_t up[RECORD_LANES];
	_Atomic int64_t away_ms; /* since when no lane is up; for the grace */
	_Atomic bool stop;
	struct lane *lanes;
	size_t lanes_n;
};

/* An item is told, and forgotten. */
void record_item_end(struct record *record, struct record_item *item, enum err e);
/* Which inbox is this operation's; ops_n when none is. */
size_t record_op_index(const struct record *record, const struct record_op *op);

#endif
