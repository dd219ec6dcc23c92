/* job_change.h - what a tenant does to jobs that exist: cancel, retry, change, delete.
 *
 * Each is one transaction guarded by the state it expects, under the job's row
 * lock; the first commit wins. Cancel of a running job writes the terminal state,
 * its event's number and its callback at once, takes the lease away and leaves a
 * notice for the holder's next beat. Cancel is idempotent: of a cancelled job it
 * is ERR_OK with changed = false.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_JOB_CHANGE_H
#define STORES_JOB_CHANGE_H

#include "stores/audit.h"
#include "stores/job_read.h"

/* One job's outcome. */
struct job_changed {
	struct id tenant, job;
	enum job_state state; /* what it is now */
	int64_t version;
	bool changed;
	int32_t queue_id;
	enum err left;	  /* ERR_OK, or why there was no room for it: see below */
	struct id worker; /* cancel of a running job: who held it; else zero */
	int64_t fence;
};
/*   ERR_OK         n = 1 (or as many as the filter matched)
 *   ERR_NOT_FOUND  no such job
 *   ERR_CONFLICT   its state does not allow that (n = 1, state told), or it changed hands just now
 *   ERR_QUEUE_FULL, ERR_QUEUE_DRAINING, ERR_TENANT_FULL
 *                  retry, and a patch's move to a queue: as submit is refused (n = 1, queue told)
 */
typedef void job_change_done(void *ctx, enum err e, const struct job_changed *jobs, size_t n);

MUST_CHECK enum err job_cancel(struct db *db, struct job_key key, const struct audit_actor *by,
	job_change_done *done, void *ctx);
/* failed, expired or cancelled -> queued: attempts, crashes, deaths start anew, a deadline runs
 * anew with its old length, history is kept. */
MUST_CHECK enum err job_retry(struct db *db, struct job_key key, const struct audit_actor *by,
	job_change_done *done, void *ctx);
/* Only terminal jobs: the job, its content and its history. */
MUST_CHECK enum err job_delete(struct db *db, struct job_key key, const struct audit_actor *by,
	job_change_done *done, void *ctx);
/* Only queued or waiting ones; one in review waits for an operator (review.h). */
struct job_patch {
	bool has_priority, has_run_at, has_queue;
	int priority;
	int64_t run_at_ms; /* 0 or past = now */
	int32_t queue_id;
};
MUST_CHECK enum err job_patch(struct db *db, struct job_key key, const struct job_patch *patch,
	const struct audit_actor *by, job_change_done *done, void *ctx);
/* store = false: drops input, result and deltas of terminal jobs, once their reply was delivered.
 */
MUST_CHECK enum err job_forget(struct db *db, const struct job_key *keys, size_t n,
	const struct audit_actor *by, db_done_fn *done, void *ctx);

/* By filter, in pages: pick with job_list (keyset), change the page's keys with these; those whose
 * state does not allow it are left out of jobs. At most 500 keys a call. A retry changes as many as
 * there is room for; the others are in jobs too, with changed = false and left. */
MUST_CHECK enum err job_cancel_many(struct db *db, const struct job_key *keys, size_t n,
	const struct audit_actor *by, job_change_done *done, void *ctx);
MUST_CHECK enum err job_retry_many(struct db *db, const struct job_key *keys, size_t n,
	const struct audit_actor *by, job_change_done *done, void *ctx);

#endif
