/* watchers.h - the table of those who wait for a job to move, by job.
 *
 * A watcher is told once and is off then; it may watch again at once, from the call that
 * tells it. So those to tell leave the table first, all of them.
 *
 * Threads: the producer's loop.  Memory: watchers belong to whoever watches and must live
 * until told. */
#ifndef JOBS_WATCHERS_H
#define JOBS_WATCHERS_H

#include "ground/ring.h"
#include "http/shares.h"
#include "stores/job_read.h"

#include <stdbool.h>
#include <stdint.h>

enum { WATCHERS_BUCKETS = 8192 };

enum watcher_why { WATCHER_MOVED, WATCHER_TIME, WATCHER_CLOSING };
struct watcher;
typedef void watcher_told_fn(struct watcher *w, enum watcher_why why);

struct watcher {
	struct ring link;
	struct watcher *next; /* in its bucket */
	struct job_key key;
	int64_t version;  /* seen: told when the record has another */
	int64_t until_ms; /* monotonic; told then at latest */
	watcher_told_fn *told;
	bool watching, fresh; /* the table's; nobody has looked at its job since it came */
	bool arriving;	      /* live.h's: on its way into the table */
};

struct watchers {
	struct shares n; /* in the table, and on their way into it */
	struct ring all;
	struct watcher *buckets[WATCHERS_BUCKETS];
};

void watchers_init(struct watchers *watchers);
void watchers_add(struct watchers *watchers, struct watcher *w);
/* One that is neither in the table nor on its way any more. */
void watchers_uncount(struct watchers *watchers, const struct watcher *w);
/* Leaves without being told; harmless for one that is not there. */
void watchers_remove(struct watchers *watchers, struct watcher *w);

/* Tells all who watch a job whose version is not this one; -1 = all who watch it. */
void watchers_moved(struct watchers *watchers, struct id job, int64_t version);
/* Tells those whose time is up at now_ms (clock_ms). */
void watchers_late(struct watchers *watchers, int64_t now_ms);
/* Tells everybody that we close. */
void watchers_close(struct watchers *watchers);

#endif
