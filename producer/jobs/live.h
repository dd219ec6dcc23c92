/* live.h - who waits for a job to move, and how they learn that it did.
 *
 * Long polls and event streams wait here. Workers say through Redis what became of
 * a job and, delta by delta, what a model writes (domain/live_channel.h).
 * Redis may lose all of it, so the record is asked too: once in a while one
 * statement looks at all jobs that somebody waits for, more often while Redis is
 * away. A watcher is told once and is off then; it may watch again.
 *
 * Threads: the producer's loop; live_watch from any thread, callbacks on the loop.
 * Memory: watchers belong to whoever watches and must live until told. */
#ifndef JOBS_LIVE_H
#define JOBS_LIVE_H

#include "jobs/live_tail.h"
#include "jobs/watchers.h"
#include "record/record.h"

struct live;
struct loop;
struct producer;
struct scratch;
struct shares;

MUST_CHECK enum err live_new(struct producer *producer, struct live **ret_live);
/* Connects to Redis when there is one, starts to look. */
MUST_CHECK enum err live_start(struct live *live);
/* Tells everybody WATCHER_CLOSING, now and from now on. Any thread. */
void live_quiesce(struct live *live);
/* On the loop's thread, after quiesce. */
void live_stop(struct live *live);
void live_free(struct live *live);

/* Any thread. ERR_UNAVAILABLE: too many watch already. told is called exactly once otherwise. */
MUST_CHECK enum err live_watch(struct live *live, struct watcher *w);
/* On the loop's thread: a watcher leaves without being told, however lately it came, and may be
 * freed then. Harmless for one that does not watch. */
void live_unwatch(struct live *live, struct watcher *w);
size_t live_watchers(const struct live *live);

/* Bytes that wait in event streams; lives longer than they do. */
struct shares *live_streams(struct live *live);
struct share_bounds live_streams_bounds(const struct live *live);
/* What event streams follow, on the loop's thread only. */
struct live_tails *live_tails(struct live *live);
/* The producer's; to name what it is busy with, on its thread. */
struct loop *live_loop(struct live *live);
/* The connection for commands, the loop's; NULL when there is no Redis. */
struct scratch *live_scratch(struct live *live);
/* What opens live text. */
struct keyring *live_keyring(const struct live *live);
/* Runs fn(owner) soon on the loop. The call's memory is the caller's until it ran. */
struct live_call {
	struct ring link;
	void (*fn)(void *owner);
	void *owner;
};
void live_post(struct live *live, struct live_call *call);

extern const struct record_op live_peek_op;

#endif
