/* dispatch.h - the leader moves ids towards workers, a shallow window at a time.
 *
 * Each turn: dispatch_look reads per queue what is free and what is on its way;
 * dispatch_pick marks up to a window of ready rows with a new batch id, tenants by
 * deficit, then aged priority, then age; the caller publishes one message
 * per batch to one partition and dispatch_sent notes where it lies when the
 * delivery report comes. A batch is closed (its row deleted) when none of its rows
 * is ready any more.
 * dispatch_undo makes the rest of a batch pickable again: lost, or never sent.
 *
 * Producers mark what they publish themselves with a batch id too (submit.batch),
 * within the allotment that dispatch_flow writes; the submit makes the batch's row.
 *
 * ready_head says that a (queue, tenant) pair may have ready rows. Writers insert
 * it without a lock when missing; the leader removes heads that have been empty
 * for long. Those two can cross (the head is deleted just after a writer saw it),
 * so each turn of dispatch_heads also puts back heads that are missing.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_DISPATCH_H
#define STORES_DISPATCH_H

#include "domain/deficit.h"
#include "stores/job_read.h"
#include "stores/term.h"

/* A depth that is at least this says only "many". */
enum { DISPATCH_DEPTH_MAX = 100 };

struct dispatch_queue {
	int32_t id;
	const char *name;
	int32_t concurrency, weight; /* concurrency 0 = no cap */
	double rate;
	bool paused;
	int64_t running;    /* live leases; -1 = not asked for */
	int64_t dispatched; /* marked, sent or about to be, unclaimed (open batches) */
	int64_t depth; /* ready rows not marked, counted up to DISPATCH_DEPTH_MAX; 0 when paused */
};
struct dispatch_look {
	const struct dispatch_queue *queues;
	size_t n;
	int64_t slots_free; /* of live workers that do not drain */
	int64_t slots;
	int64_t workers;
};
typedef void dispatch_look_done(void *ctx, enum err e, const struct dispatch_look *look);
/* Also closes the batches of which nothing is ready any more. leases: count them too, a walk
 * through all of them. */
MUST_CHECK enum err dispatch_look(
	struct db *db, int64_t term, bool leases, dispatch_look_done *done, void *ctx);

struct dispatch_picked {
	const struct job_key *keys;
	size_t n;
	const struct deficit *owed; /* all that this queue owes its tenants now */
	size_t owed_n;
	struct id after; /* the tenant whose turn was last; zero = all had one */
};
typedef void dispatch_pick_done(void *ctx, enum err e, const struct dispatch_picked *picked);
/* Marks up to max of the queue's ready, unmarked rows with batch and makes the batch's row; their
 * order is share_sql.h's. picked is NULL unless ERR_OK. */
struct dispatch_ask {
	int32_t queue_id;
	struct id batch;
	struct id after; /* the tenant whose turn was last: it comes last */
	const struct deficits *deficits;
	size_t max;
};
MUST_CHECK enum err dispatch_pick(struct db *db, int64_t term, const struct dispatch_ask *ask,
	dispatch_pick_done *done, void *ctx);

struct dispatch_batch {
	struct id id;
	int32_t queue_id;
	int32_t jobs;
	const char *topic;
	int32_t partition;
	int64_t offset; /* last; -1 = no delivery report yet */
	int64_t sent_ms;
};
/* Notes delivery (or, with offset -1, the attempt). Also for batches of producers. */
MUST_CHECK enum err dispatch_sent(
	struct db *db, const struct dispatch_batch *batches, size_t n, db_done_fn *done, void *ctx);
typedef void dispatch_open_done(
	void *ctx, enum err e, const struct dispatch_batch *batches, size_t n);
/* Batches older than min_age_ms that still have ready rows, oldest first. */
MUST_CHECK enum err dispatch_open(struct db *db, int64_t term, int64_t min_age_ms, size_t limit,
	dispatch_open_done *done, void *ctx);
/* Unmarks these batches' rows and closes them; n = rows. */
MUST_CHECK enum err dispatch_undo(struct db *db, int64_t term, const struct id *batches, size_t n,
	term_work_done *done, void *ctx);

struct dispatch_flow {
	int32_t queue_id;
	int64_t free_slots, allot;
};
/* Writes what producers may publish themselves; the epoch of each row rises. */
MUST_CHECK enum err dispatch_flow(struct db *db, int64_t term, const struct dispatch_flow *flow,
	size_t n, term_work_done *done, void *ctx);
/* Blocks the heads of tenants at their cap of running jobs, and frees those that are below it
 * again; n = heads changed. */
MUST_CHECK enum err dispatch_block(struct db *db, int64_t term, term_work_done *done, void *ctx);
/* Counts depths, the oldest age and the rate of starts into queue_flow, and what capped tenants
 * have waiting into tenant_limit: a scan of the ready and due rows' keys. Takes time on a deep
 * backlog: call it again after twenty times as long as it took, at least 250 ms. */
MUST_CHECK enum err dispatch_count(struct db *db, int64_t term, term_work_done *done, void *ctx);
/* Puts missing heads back, removes those empty for a minute. n = rows changed. */
MUST_CHECK enum err dispatch_heads(struct db *db, int64_t term, term_work_done *done, void *ctx);

/* Shares of capped queues, by worker: replaces what was granted. */
struct dispatch_grant {
	struct id worker;
	int32_t queue_id, slots;
};
MUST_CHECK enum err dispatch_grants(struct db *db, int64_t term,
	const struct dispatch_grant *grants, size_t n, term_work_done *done, void *ctx);
/* What grants are computed from: live workers, and per (worker, capped queue) the leases held. */
struct dispatch_share {
	struct id worker;
	int32_t slots_free;
	int32_t queue_id;      /* 0 = a row that tells the worker alone */
	int32_t held, granted; /* granted -1: nothing stands there */
};
typedef void dispatch_shares_done(
	void *ctx, enum err e, const struct dispatch_share *shares, size_t n);
MUST_CHECK enum err dispatch_shares(struct db *db, dispatch_shares_done *done, void *ctx);

#endif
