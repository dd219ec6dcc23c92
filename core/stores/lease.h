/* lease.h - who may work on a job, and until when.
 *
 * A claim deletes the ready row by its address, raises the job's fence and writes
 * a lease, in one statement that re-checks pause, deadline, concurrency and the
 * job's state. What it refuses it leaves (or marks undispatched). Losing a race
 * is not a fault: the job is simply not among those returned.
 *
 * Locks: ready rows are only ever taken with SKIP LOCKED, by everyone; so nobody
 * waits for one, and holding one while waiting for a job's row cannot deadlock.
 *
 * A tenant's cap on running jobs (tenant_limit.h) is checked by the claim, against the
 * leases it sees.
 *
 * Jobs on probation (held at two unexplained worker deaths) are claimed one at a
 * time per worker.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_LEASE_H
#define STORES_LEASE_H

#include "domain/deficit.h"
#include "domain/sealed.h"
#include "ports/db.h"
#include "stores/job_read.h"

/* A claimed job's content, sealed. */
struct claim_input {
	struct id tenant, job;
	struct sealed_key key; /* by which it is */
	struct db_bytes input, subject, metadata, callback, fallback, trace;
	bool waits; /* input and fallback did not fit beside those before it: to be read again */
};

struct claim {
	struct id tenant, job;
	const struct claim_input
		*input; /* NULL: not read yet (lease_inputs), or the kind has none */
	int64_t fence;
	int32_t queue_id;
	const char *kind, *model;
	int priority, attempt, max_attempts, crashes, interruptions;
	int64_t attempt_timeout_ms;
	int64_t deadline_left_ms; /* from now; INT64_MAX = none */
	int64_t created_ms, claimed_ms;
	int64_t queued_ms;	      /* how long it lay ready */
	int64_t event_from, event_to; /* this attempt's numbers */
	bool restarted, probation, store;
	unsigned retention;
	struct id principal; /* who handed it in */
	bool forbidden;	     /* and may do so no more */
	/* While a plan limits the tokens of users or roles: `usr` or `key`, which it is, and then
	 * those of the limited roles that it holds, with spaces between; else NULL. */
	const char *holds;
	const char *told_model; /* readers saw text of it in an attempt before; NULL = of none */
};
typedef void lease_claim_done(void *ctx, enum err e, const struct claim *claims, size_t n);

/* The most that one claim may ask for: worker.claim_batch's maximum. */
enum { LEASE_CLAIM_MAX = 1000 };

/* Inputs are read in pieces of so many bytes: with a claim, and by themselves. */
enum { LEASE_CLAIM_BYTES = 2 << 20, LEASE_INPUTS_BYTES = 8 << 20 };

/* Claims those of keys that are still ready: a dispatch message's jobs. Their inputs come with
 * them, as far as they fit LEASE_CLAIM_BYTES, under the tenants that the new leases name: on the
 * way of a single job this saves a round trip. */
MUST_CHECK enum err lease_claim_keys(struct db *db, struct id worker, const struct job_key *keys,
	size_t n, lease_claim_done *done, void *ctx);

/* Claims up to max from the tables, dispatched rows included, in the dispatcher's order
 * (share_sql.h): queues by weight, their tenants by deficit, then aged priority. Empty heads cost
 * nothing much. A tenant's cap may be passed by one claim of another worker at the same time. */
struct claim_load {
	int32_t queue_id;
	int64_t held;  /* of its jobs by this worker */
	int64_t spare; /* how many more it may take */
};
struct claim_direct {
	const int32_t *queues; /* ids to take from, n = 0: all */
	size_t queues_n;
	const struct claim_load *loads; /* queues that have none hold nothing and may take all */
	size_t loads_n;
	/* keep from the last claim's turn; NULL and zero at first */
	const struct deficits *deficits;
	struct id after_tenant;
	size_t max; /* 1 to LEASE_CLAIM_MAX */
};
struct claim_turn {
	const struct deficit *owed; /* all that the queues owe their tenants now */
	size_t owed_n;
	struct id after; /* the tenant whose turn was last; zero = all had one */
};
/* turn is NULL unless ERR_OK. */
typedef void lease_direct_done(
	void *ctx, enum err e, const struct claim *claims, size_t n, const struct claim_turn *turn);
MUST_CHECK enum err lease_claim_direct(struct db *db, struct id worker,
	const struct claim_direct *ask, lease_direct_done *done, void *ctx);

/* The inputs of claimed jobs, under their tenants. Rows in the keys' order; the first comes
 * whatever its size, others wait once LEASE_INPUTS_BYTES are full. */
typedef void lease_inputs_done(void *ctx, enum err e, const struct claim_input *rows, size_t n);
MUST_CHECK enum err lease_inputs(
	struct db *db, const struct job_key *keys, size_t n, lease_inputs_done *done, void *ctx);

/* All that the record says this worker holds. */
struct lease {
	struct id tenant, job;
	int64_t fence, event_from;
};
typedef void lease_list_done(void *ctx, enum err e, const struct lease *leases, size_t n);
MUST_CHECK enum err lease_list(struct db *db, struct id worker, lease_list_done *done, void *ctx);

/* Which of these (job, fence) does this worker still hold? After an outage. held[i] answers
 * keys[i]. */
struct lease_key {
	struct id tenant, job;
	int64_t fence;
};
typedef void lease_held_done(void *ctx, enum err e, const bool *held, size_t n);
MUST_CHECK enum err lease_revalidate(struct db *db, struct id worker, const struct lease_key *keys,
	size_t n, lease_held_done *done, void *ctx);

#endif
