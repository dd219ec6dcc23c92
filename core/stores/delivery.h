/* delivery.h - webhook deliveries: the outbox, and its log.
 *
 * The row is written by the transaction that ends the job; it holds ids and an
 * event only. The worker that claims it reads where to and with which secret
 * under the job's tenant. A claim is a lease in the row itself (due_at, fence): a
 * lost worker's delivery becomes due again by itself. delivery_id is the webhook
 * id: the same on every attempt.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it. */
#ifndef STORES_DELIVERY_H
#define STORES_DELIVERY_H

#include "domain/sealed.h"
#include "ports/db.h"
#include "stores/job_read.h"

struct delivery {
	struct id tenant, id, job;
	const char *event; /* "job.completed" */
	const char *queue;
	enum job_state state;
	int attempt; /* this one's number, from 1 */
	int64_t fence;
	int64_t created_ms;		  /* the event's time */
	struct sealed_key key;		  /* of callback and metadata */
	struct sealed_key tenant_key;	  /* of what is the tenant's */
	struct db_bytes callback;	  /* sealed, from the job's input; NULL = its day is gone */
	struct db_bytes metadata;	  /* sealed */
	struct db_bytes webhook_secret;	  /* sealed, the tenant's default */
	struct db_bytes callback_origins; /* sealed */
};
typedef void delivery_claim_done(void *ctx, enum err e, const struct delivery *rows, size_t n);
/* Takes up to max due deliveries for lease_ms (first the ids, then, in a second transaction under
 * their tenants, the content; done is called once): of tenants in turn, so that nobody waits behind
 * another's backlog, and what their turn leaves free by age. */
struct delivery_ask {
	size_t max;
	int64_t lease_ms;
	struct id *turn; /* the tenant whose turn was last, kept by the caller; zero at first */
};
MUST_CHECK enum err delivery_claim(struct db *db, struct id worker, const struct delivery_ask *ask,
	delivery_claim_done *done, void *ctx);

/* DEFERRED: not tried, as its receiver has its share of calls under way or the fault is ours: no
 * row in the log, the attempt's number is not used up, due again after delay_ms. */
enum delivery_as { DELIVERY_DONE, DELIVERY_AGAIN, DELIVERY_GIVEN_UP, DELIVERY_DEFERRED };
struct delivery_end {
	struct id tenant, id;
	int64_t fence;
	enum delivery_as as;
	int64_t delay_ms; /* AGAIN, DEFERRED: next try */
	enum err error;	  /* class of the failure */
	int status;	  /* HTTP; 0 = none */
	int32_t latency_ms;
	const char *address; /* the address connected to, "" = none */
	/* told: */
	enum err outcome; /* ERR_OK, ERR_LOST */
};
typedef void delivery_end_done(void *ctx, enum err e, struct delivery_end *const *batch, size_t n);
/* Logs the attempt and sets what follows. */
MUST_CHECK enum err delivery_end(struct db *db, struct id worker, struct delivery_end *const *batch,
	size_t n, delivery_end_done *done, void *ctx);

/* A job's deliveries with their attempts, oldest first (expand=deliveries). */
struct delivery_row {
	struct id id;
	const char *event, *state; /* "due", "sending", "delivered", "given_up" */
	int attempt;		   /* of this log line; 0 = none yet */
	int64_t at_ms, next_ms;
	int status;
	int32_t latency_ms;
	const char *error_code, *address;
};
typedef void delivery_list_done(void *ctx, enum err e, const struct delivery_row *rows, size_t n);
MUST_CHECK enum err delivery_list(
	struct db *db, struct job_key key, delivery_list_done *done, void *ctx);

#endif
