/* finish.h - how an attempt ends, by the hand of its holder.
 *
 * One array statement ends many attempts: the lease is deleted where (worker,
 * tenant, job, fence) match, and everything else (job, result, attempt, job_done,
 * callback, ready or due row, audit) is written from what that returned. An
 * element whose lease is another's by now gets ERR_LOST and leaves no trace.
 * Built with CONTROL_WITHOUT_FENCE the guard on worker and fence is left out: the
 * negative control of the tests, never to be run.
 *
 * Times are Postgres': a retry says after how long, not when.
 *
 * Threads: the connection's.  Memory: keep the elements until done; their bytes
 * may go when the call returns. */
#ifndef STORES_FINISH_H
#define STORES_FINISH_H

#include "ports/db.h"
#include "stores/event.h"
#include "stores/lease.h"

enum finish_as {
	FINISH_COMPLETED,
	FINISH_FAILED, /* for good */
	FINISH_RETRY, /* waiting, the attempt counts; fails when attempts or deadline are used up */
	FINISH_PARKED,	    /* waiting (breaker, limit, ...), the attempt does not count */
	FINISH_INTERRUPTED, /* a drain: ready again at once, the attempt does not count */
	FINISH_EXPIRED,	    /* the job's deadline passed */
	FINISH_KINDS
};
/* More interruptions than this fail a job with ERR_INTERRUPTED. */
#define FINISH_INTERRUPTIONS_MAX 100 /* also a piece of SQL */
/* The most that one batch may hold: worker.finish_batch's maximum. */
enum { FINISH_MAX = 1000 };

struct finish {
	struct id tenant, job;
	int64_t fence;
	enum finish_as as;
	enum err error;		 /* why not completed; ERR_OK when completed */
	int64_t delay_ms;	 /* RETRY, PARKED: due after this */
	struct id line;		 /* PARKED: where it stands in line (parked.h); zero = nowhere */
	const char *waiting_for; /* RETRY: "retry", PARKED: "breaker", "limit", ... ; else NULL */
	int64_t event_last;	 /* number of the attempt's end event, within its block */
	const char *upstream, *model; /* NULL = none; model is ours: the job's or a fallback's */
	const char *key_label, *called_model; /* NULL = none, or called by our name */
	const char *held_by;		      /* what it waited for (hold.h); NULL = nothing */
	bool fallback;			      /* model is one of the job's fallbacks */
	bool estimated;			      /* the upstream told no usage, or not all of it */
	int upstream_status;		      /* 0 = none */
	int64_t retry_after_ms;		      /* the upstream asked for it; 0 = nothing */
	int64_t input_tokens, output_tokens, cost_nano;
	int32_t timings_ms[TIMINGS];  /* QUEUE and ACCEPT are the record's own: ignored */
	struct db_bytes result;	      /* COMPLETED: sealed */
	struct id decision;	      /* COMPLETED: the moderator's */
	struct db_bytes message;      /* sealed words of the upstream; NULL = none */
	const struct event_run *runs; /* deltas to keep, written in the same transaction */
	size_t runs_n;
	/* told: */
	enum err outcome;     /* ERR_OK, ERR_LOST, or ERR_UNAVAILABLE: maybe still mine */
	enum job_state state; /* what the job became */
	int64_t due_ms;	      /* waiting: until when */
};
typedef void finish_done(void *ctx, enum err e, struct finish *const *batch, size_t n);
/* ERR_TOO_LARGE in done: together they are more than DB_ARGS_BYTES_MAX. outcome ERR_UNAVAILABLE: it
 * was not ended, and could not be asked after: finish again. */
MUST_CHECK enum err finish_batch(struct db *db, struct id worker, struct finish *const *batch,
	size_t n, finish_done *done, void *ctx);

/* After ERR_DB_UNKNOWN: reads the attempts (job, fence). outcome ERR_OK = ended by me,
 * ERR_UNAVAILABLE = the lease is still mine: finish again, ERR_LOST = neither. */
MUST_CHECK enum err finish_settle(struct db *db, struct id worker, struct finish *const *batch,
	size_t n, finish_done *done, void *ctx);

/* The one thing a stale holder may write: usage on its own attempt row (job, fence), once, and the
 * sums of its job and day with it, in the place of the leader's guess (reap.h). Reads fence,
 * upstream, model, key, tokens, cost. outcome ERR_LOST: there is no such row, or it has its usage.
 */
MUST_CHECK enum err finish_usage(struct db *db, struct id worker, struct finish *const *batch,
	size_t n, finish_done *done, void *ctx);

#endif
