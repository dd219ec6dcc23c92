/* submit.h - jobs become the record's: many requests, one commit.
 *
 * A batch is one transaction: idempotency keys are taken, then job, job_input,
 * job_match, job_ready or job_due, ready_head and audit rows are written for
 * every element that may be accepted. Each element has its own outcome; none is
 * refused because of another, except for a data error (ERR_DB_DATA), after which
 * the caller halves the batch until the row stands alone.
 *
 * An element that waits for another's Idempotency-Key waits inside Postgres; keys
 * are taken in order, so two batches cannot wait for each other.
 *
 * Depth caps are checked against the leader's last count: a burst may overshoot
 * by what arrives within one count.
 *
 * Threads: the connection's.  Memory: elements are read before the call returns,
 * and again when the reply comes: keep them (not their bytes) until done. */
#ifndef STORES_SUBMIT_H
#define STORES_SUBMIT_H

#include "domain/job.h"
#include "stores/audit.h"

/* What a job can be found by: its subject, and each member of its metadata up to the most that
 * limits.metadata_keys may allow. */
enum { SUBMIT_METADATA_MAX = 64, SUBMIT_HASHES_MAX = SUBMIT_METADATA_MAX + 1 };
enum { SUBMIT_HASH_BYTES = 16 };

/* Terminal events a callback asked for, as bits; 0 = no callback. #defines, as they are pieces of
 * SQL: see CALLBACK_WANTED. */
#define CALLBACK_COMPLETED 1
#define CALLBACK_FAILED	   2
#define CALLBACK_CANCELLED 4
#define CALLBACK_EXPIRED   8
#define CALLBACK_ALL	   15
/* Whether a row's callback asked for that event, for the stores' statements (store_call.h). */
#define CALLBACK_WANTED(bit) "callback_events & " SQL_NUMBER(bit) " <> 0"

struct submit {
	/* asked for */
	struct id tenant, job; /* job: id_new(retention class) */
	struct id principal;   /* the key that asked; part of an idempotency key's scope */
	struct audit_actor by; /* for the audit row */
	const char *kind;
	int32_t queue_id;
	const char *model;  /* label for lists; NULL = none */
	int priority;	    /* 0 first .. 9 */
	int64_t run_at_ms;  /* 0 = now; unix ms */
	int64_t deadline_s; /* from max(created, run_at); 0 = none */
	int64_t attempt_timeout_ms;
	int max_attempts;
	int32_t units; /* thousands of tokens, estimated: what its tenant's turn pays; 0 = 1 */
	bool store;    /* false: content goes when the job has ended and was read */
	int callback_events;   /* CALLBACK_ bits */
	int64_t accept_ms;     /* timing: from the request's first byte to the batch */
	struct id data_key;    /* whose key seals what follows; zero = none */
	struct db_bytes input; /* sealed */
	struct db_bytes subject, metadata, callback, fallback, trace; /* sealed; NULL = none */
	size_t hashes_n; /* keyed hashes of subject and metadata pairs, for search */
	uint8_t hashes[SUBMIT_HASHES_MAX][SUBMIT_HASH_BYTES];
	bool has_key;	       /* an Idempotency-Key was given */
	int64_t key_ttl_s;     /* how long the key is remembered; 0 = a day */
	uint8_t key_hash[32];  /* keyed hash of the key */
	uint8_t body_hash[32]; /* keyed hash of the body */
	struct id batch;       /* dispatch batch when the caller publishes it itself; zero = not */

	/* told, valid in done:
	 *   ERR_OK             job is committed (or, with replayed, was before: see job_id)
	 *   ERR_IDEMPOTENCY    the key is another body's
	 *   ERR_QUEUE_FULL     at max_queued, draining, or its oldest job waits too long
	 *   ERR_TENANT_FULL    the tenant is at its own cap
	 *   ERR_UNKNOWN_QUEUE */
	enum err outcome;
	bool replayed;
	struct id job_id; /* the job to answer with */
	enum job_state state;
	int64_t created_ms;
	bool ready; /* it lies in job_ready now: may be published */
};

/* e is the transaction's: the elements' outcomes hold only when it is ERR_OK. */
typedef void submit_done(void *ctx, enum err e, struct submit *const *batch, size_t n);

/* At most SUBMIT_MAX elements of any tenants. batch must stay valid until done. */
enum { SUBMIT_MAX = 1000 };
MUST_CHECK enum err submit_batch(
	struct db *db, struct submit *const *batch, size_t n, submit_done *done, void *ctx);

/* After ERR_DB_UNKNOWN: which of these jobs are there? Sets outcome ERR_OK or ERR_NOT_FOUND. */
MUST_CHECK enum err submit_settle(
	struct db *db, struct submit *const *batch, size_t n, submit_done *done, void *ctx);

#endif
