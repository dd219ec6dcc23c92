/* job_read.h - jobs as their tenants see them.
 *
 * Reads name exactly the tenants they are for (row security), except that a
 * batch of polls names all of its requests' tenants and matches each row by
 * (tenant, job). version rises with every change of the row: it is the ETag.
 *
 * Threads: the connection's.  Memory: rows and what they point to die with the
 * callback. */
#ifndef STORES_JOB_READ_H
#define STORES_JOB_READ_H

#include "domain/job.h"
#include "domain/sealed.h"
#include "ports/db.h"

struct job_key {
	struct id tenant, job;
};

enum {
	TIMING_ACCEPT,
	TIMING_QUEUE,
	TIMING_ADMIT,
	TIMING_FIRST_BYTE,
	TIMING_STREAM,
	TIMING_FINISH,
	TIMINGS
};

struct job_row {
	struct id tenant, job, principal;
	const char *kind, *queue;
	int32_t queue_id;
	enum job_state state;
	int priority;
	int64_t fence;
	int attempt, max_attempts, crashes, interruptions;
	int64_t created_ms, run_at_ms, deadline_ms, started_ms, finished_ms; /* 0 = none */
	int64_t attempt_timeout_ms;
	int64_t due_ms;		 /* waiting: until when; 0 = unknown */
	const char *waiting_for; /* "" = nothing */
	const char *error_code;	 /* "" = none */
	const char *model, *upstream;
	const char *fallback_model;			/* that answered instead; "" = none */
	int64_t input_tokens, output_tokens, cost_nano; /* nano-dollars */
	bool estimated;					/* an upstream told no usage */
	int progress_percent;				/* -1 = unknown */
	const char *progress_stage;
	int64_t progress_tokens;
	int32_t timings_ms[TIMINGS]; /* -1 = not yet */
	int64_t version;
	int64_t event_next; /* numbers below it are used or reserved */
	bool store, dead;   /* dead: quarantined, or failed with its attempts used up */
	int callback_events;
	/* with JOB_READ_LABELS (sealed; NULL = none): */
	struct sealed_key key; /* of all that is sealed here */
	struct db_bytes subject, metadata, trace;
	/* with JOB_READ_ANSWER: */
	size_t content_bytes;	 /* of result, and with JOB_READ_INPUT of input and fallback */
	struct db_bytes result;	 /* sealed; NULL = none, or released no more */
	struct db_bytes message; /* sealed words of the upstream on the last error */
	int upstream_status;
	struct id decision;
	/* with JOB_READ_INPUT: */
	struct db_bytes input, fallback, callback;
};

/* Without JOB_READ_LARGE a row whose content_bytes are more than JOB_READ_UPTO comes without that
 * content: a batch of polls is bounded by bytes, and who wants more knows how much it is first. */
enum { JOB_READ_LABELS = 1, JOB_READ_ANSWER = 2, JOB_READ_INPUT = 4, JOB_READ_LARGE = 8 };
enum { JOB_READ_UPTO = 64 << 10 };

typedef void job_read_done(void *ctx, enum err e, const struct job_row *rows, size_t n);
/* The polls' way: any number of keys up to 1000, in one round trip. Rows come in the keys' order;
 * keys without a row are left out. what: JOB_READ_ bits. */
MUST_CHECK enum err job_read(struct db *db, const struct job_key *keys, size_t n, int what,
	job_read_done *done, void *ctx);

/* Only what wakes a watcher: state, version, event_next; rows as above with the rest empty. */
MUST_CHECK enum err job_peek(
	struct db *db, const struct job_key *keys, size_t n, job_read_done *done, void *ctx);

/* What decides who may have a job: tenant, job, principal, queue, priority, model. A row for each
 * key, in their order: its job, else the tenant's next one (else an empty row). So whoever must be
 * told that there is none waits no shorter where that is true: the same is read and said either
 * way. */
MUST_CHECK enum err job_near(
	struct db *db, const struct job_key *keys, size_t n, job_read_done *done, void *ctx);

#endif
