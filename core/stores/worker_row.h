/* worker_row.h - an incarnation of a worker, and its pulse.
 *
 * Each start of a worker is a new row that is never used again. Its beat is one
 * narrow row, written twice a second with synchronous_commit off on a connection
 * of its own, which also holds the session advisory lock lock_key: the kernel
 * closes a dead process' socket, so the lock going is news of a death. The reply
 * to a beat carries what the worker must know: drain, and its cancelled jobs.
 *
 * A crash note names the job whose step was running when an earlier incarnation
 * on this host died; the reaper then counts a crash for that job alone.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_WORKER_ROW_H
#define STORES_WORKER_ROW_H

#include "ports/db.h"
#include "stores/audit.h"

/* What a crash note said. */
struct worker_crash {
	struct id worker; /* the incarnation that died */
	struct id tenant, job;
	int64_t fence;
};

struct worker_start {
	struct id id; /* id_new(0) */
	const char *host, *version;
	int32_t pid;
	int32_t slots;
	int64_t lease_ms;
};
typedef void worker_start_done(void *ctx, enum err e, int64_t lock_key);
/* Registers, takes the advisory lock on this connection and reports notes. Call it on the beat's
 * connection, once after the start with the notes found, and again after each reconnect (same id,
 * no notes): it only takes the lock again then. ERR_LOST: this incarnation was declared dead. */
MUST_CHECK enum err worker_start(struct db *db, const struct worker_start *start,
	const struct worker_crash *notes, size_t n, worker_start_done *done, void *ctx);

/* A job was taken from its worker: cancelled, or its deadline passed. */
struct worker_notice {
	struct id tenant, job;
	int64_t fence;
};
struct worker_reply {
	bool dead;			     /* declared dead: stop, drop everything, start anew */
	bool drain;			     /* told to drain */
	const struct worker_notice *notices; /* jobs taken from it since the last beat */
	size_t notices_n;
};
typedef void worker_beat_done(void *ctx, enum err e, const struct worker_reply *reply);
/* Jobs of a queue that the worker started since the last acknowledged beat. */
struct worker_begun {
	int32_t queue_id;
	int64_t started;
};
/* What a worker tells of an attempt that lasts: whom it calls, or would call, and since when. */
struct worker_told {
	struct id tenant, job;
	int64_t fence;
	const char *upstream, *key_label, *model; /* NULL = none, or not known */
	const char *held_by;			  /* from that call (hold.h); NULL: it is called */
	int64_t ago_ms;
};
/* With one beat; more wait for the next one. */
enum { WORKER_TOLD_MAX = 200 };
/* What a worker tells of itself. Jobs are dispatched by slots_free and their queue's rate is made
 * of begun; the rest is for people. */
struct worker_pulse {
	int32_t slots_free; /* it could take now */
	bool draining;	    /* it takes nothing new */
	int32_t calls;	    /* to models, under way */
	int64_t ended;	    /* attempts since it started */
	int64_t memory_bytes, memory_target_bytes;
	const struct worker_begun *begun;
	size_t begun_n;
	const struct worker_told *told;
	size_t told_n;
};
MUST_CHECK enum err worker_beat(struct db *db, struct id worker, const struct worker_pulse *pulse,
	worker_beat_done *done, void *ctx);
/* A clean leave: only with no leases left (others are the reaper's). */
MUST_CHECK enum err worker_leave(struct db *db, struct id worker, db_done_fn *done, void *ctx);

struct worker_row {
	struct id id;
	const char *host, *version, *state; /* "live", "draining", "silent", "dead", "left" */
	int32_t pid, slots, running;
	int64_t started_ms, beat_ms, lease_ms;
	struct worker_pulse pulse; /* as last told, without begun and told */
};
typedef void worker_list_done(void *ctx, enum err e, const struct worker_row *rows, size_t n);
/* Live ones first, then those gone within the last hour; at most limit. */
MUST_CHECK enum err worker_list(struct db *db, size_t limit, worker_list_done *done, void *ctx);
/* n = 1: the row; ERR_NOT_FOUND. */
MUST_CHECK enum err worker_drain(struct db *db, struct id worker, const struct audit_actor *by,
	worker_list_done *done, void *ctx);

#endif
