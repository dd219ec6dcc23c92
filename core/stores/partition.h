/* partition.h - days of history, made ahead and dropped whole.
 *
 * Insert-only tables are partitioned by retention class, then by the day in the
 * job's id; audit by day. The owner's function partition_keep, callable by the
 * leader, makes the days ahead and drops those that expired: a day of class c is
 * dropped c's days and one more after it ended, its job rows with it, and never
 * while a job of that day is still queued, waiting or running, or ended less than
 * c's days ago: so one job scheduled far ahead keeps its whole day. A day of
 * audit rows goes when it ended as many days ago as were asked for. A DEFAULT
 * partition per class is the net; rows in it are reported.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it; arguments are
 * copied. */
#ifndef STORES_PARTITION_H
#define STORES_PARTITION_H

#include "ports/db.h"

enum { RETENTION_CLASSES = 5 };
/* 1, 7, 30, 90, 400 days. */
extern const int retention_days[RETENTION_CLASSES];
/* The least class that keeps a thing for so many seconds; the last when none is long enough. */
unsigned retention_for(int64_t seconds);

struct partition_report {
	int64_t made, dropped, astray; /* astray: rows that lie in DEFAULT partitions */
};
struct partition_days {
	int ahead; /* made before they are needed */
	int audit; /* audit rows are kept */
};
typedef void partition_keep_done(void *ctx, enum err e, const struct partition_report *report);
/* Steps are small: call again while made or dropped are not 0. ERR_DB when a lock was not free
 * within a second: later. */
MUST_CHECK enum err partition_keep(
	struct db *db, const struct partition_days *days, partition_keep_done *done, void *ctx);

#endif
