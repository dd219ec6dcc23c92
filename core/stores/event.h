/* event.h - a job's events, numbered without gaps.
 *
 * Number 1 is job.queued. A claim reserves a block of EVENT_BLOCK numbers; its
 * first is that attempt's job.running (or job.restarted when the attempt before
 * had text, or was ended by another than its holder), the last used one is how it ended:
 * job.waiting, job.queued (handed back), or the terminal event. The holder gives
 * unused numbers back; anyone else who ends an attempt closes the whole block:
 * its end event has the block's last number, and numbers in between that nobody
 * wrote down are empty deltas. A terminal state reached while not running, and an
 * operator's retry, take one number each.
 *
 * Lifecycle events are derived from rows. job_event keeps runs of deltas: count
 * consecutive numbers from seq_from, their texts joined and sealed as one value,
 * their lengths apart, so that a resumed stream replays the very same deltas.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_EVENT_H
#define STORES_EVENT_H

#include "ports/db.h"
#include "stores/job_read.h"

#define EVENT_BLOCK 256 /* numbers; also a piece of SQL */

enum event_kind {
	EVENT_QUEUED,
	EVENT_RUNNING,
	EVENT_RESTARTED,
	EVENT_DELTA,
	EVENT_PROGRESS,
	EVENT_WAITING,
	EVENT_COMPLETED,
	EVENT_FAILED,
	EVENT_CANCELLED,
	EVENT_EXPIRED,
	EVENT_KINDS
};
/* "job.queued", ... */
const char *event_kind_text(enum event_kind k);

/* One event, or a run of deltas. */
struct event_run {
	enum event_kind kind;
	int64_t seq_from;
	int32_t count; /* 1, but for deltas */
	int64_t at_ms;
	int attempt;		 /* 0 = none */
	struct db_bytes text;	 /* DELTA, PROGRESS: sealed; NULL = all of them empty */
	struct db_bytes lengths; /* DELTA: count little-endian uint32: bytes of text of each */
	const char *detail;	 /* WAITING: waiting_for; FAILED: error code; else "" */
};

struct event_page {
	const struct event_run
		*runs; /* by number, without gaps: holes are filled with empty deltas */
	size_t n;
	enum job_state state;
	int64_t version;
	int64_t next;	   /* the number after the last told; ask again with after = next - 1 */
	int64_t live_from; /* running: deltas from here on may be in Redis only; 0 = not running */
	int64_t fence;
	struct id tenant, job;
	struct sealed_key key; /* of the runs' texts */
	bool ended;	       /* the terminal event is among those told: nothing follows */
	bool found;
};
typedef void event_read_done(void *ctx, enum err e, const struct event_page *page);
/* Everything in the record with a number above after; a run that holds such a number is told whole,
 * so its first numbers may be known already. Of a running attempt what is written down so
 * far is told, and never an invented delta beyond it. */
MUST_CHECK enum err event_read(
	struct db *db, struct job_key key, int64_t after, event_read_done *done, void *ctx);

/* What event_read would load of a job from its first number on, without loading it. */
struct event_weight {
	size_t bytes;	/* of texts and lengths */
	int64_t events; /* numbers, counted from above: with those that are only reserved */
};
/* weight is NULL unless ERR_OK.   ERR_NOT_FOUND  no such job */
typedef void event_weigh_done(void *ctx, enum err e, const struct event_weight *weight);
MUST_CHECK enum err event_weigh(
	struct db *db, struct job_key key, event_weigh_done *done, void *ctx);

/* A holder's deltas, written while it runs: when a block is used up, every 2 s while Redis is away.
 */
struct event_append {
	struct id tenant, job;
	int64_t fence;
	bool extend; /* reserve EVENT_BLOCK more numbers behind this block */
	const struct event_run *runs;
	size_t runs_n;
	int progress_percent; /* -1 = unknown: the job row's progress, written along */
	const char *progress_stage;
	int64_t progress_tokens;
	bool again; /* the outcome of an append before is unknown: its run may be there already */
	/* told: */
	enum err outcome; /* ERR_OK, or ERR_LOST: nothing was written for it */
	size_t written;	  /* deltas of the run that are in the record; fewer only of one again */
	int64_t event_to; /* last number reserved now */
};
typedef void event_append_done(void *ctx, enum err e, struct event_append *const *batch, size_t n);
MUST_CHECK enum err event_append_batch(struct db *db, struct id worker,
	struct event_append *const *batch, size_t n, event_append_done *done, void *ctx);

#endif
