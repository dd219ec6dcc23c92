/* job.h - a job that this worker holds, walking its steps.
 *
 *   lookup -> admit -> call -> moderate -> finish
 *
 * STEP_TABLE is the whole way; each step is a function in a file of its name. A
 * step returns NEXT (go on), WAIT (somebody will call job_resume) or DONE (the
 * record has it; the job is gone). A step that fails a job says so with job_fail
 * and returns NEXT: the walk goes straight to finish, which decides by the error
 * table what becomes of it. Between steps the job is checked; a broken one fails
 * alone.
 *
 * Nobody calls into a job that is in no step: all waits are ended by job_resume,
 * or by job_drop when the job is another's by now.
 *
 * Threads: the loop's.  Memory: from the table's pool (job_table.h). */
#ifndef WORKER_JOB_H
#define WORKER_JOB_H

#include "domain/kind.h"
#include "domain/sealed.h"
#include "domain/usage.h"
#include "ground/ring.h"
#include "output.h"
#include "stores/finish.h"
#include "under_way.h"
#include "upstreams/permit.h"

struct worker;
struct model_call;
struct queue_counts;
struct upstream_key;
struct released;

/* A job's way through a worker, in order. */
#define STEP_TABLE(X)                                              \
	X(lookup)   /* the place of a cache: there is none yet  */ \
	X(admit)    /* an upstream, and leave to call it        */ \
	X(call)	    /* the upstream; output streams through     */ \
	X(moderate) /* the last verdict on the whole            */ \
	X(finish)   /* result, usage, events: one transaction   */

#define STEP_NAME(name) STEP_##name,
enum step { STEP_TABLE(STEP_NAME) STEPS };
#undef STEP_NAME

enum step_result { STEP_NEXT, STEP_WAIT, STEP_DONE };

/* How far the word of its end has come: to the finisher, and back from the record. */
enum ending { ENDING_NOT_ASKED, ENDING_ASKED, ENDING_TOLD };

struct job {
	unsigned magic;
	bool walking;	/* a step function of it is on the stack */
	bool again;	/* job_resume came meanwhile */
	bool appending; /* the writer has a statement under way for it */
	bool gone;	/* dropped; freed when nothing points to it any more */
	unsigned pins;	/* statements under way that point to it */
	enum step step;
	enum ending ending;
	struct permit permit;	  /* leave to call; held until the call ended */
	struct upstream_key *key; /* admitted with; held until the job goes */
	bool elsewhere;		  /* a further attempt asks another upstream or model */
	char *called_model;	  /* the upstream's name for it; NULL = none */
	char *fallback_model;	  /* the one of the job's fallbacks that is asked; NULL = its own */
	struct usage_price price; /* when the call was admitted */
	struct worker *worker;
	struct ring held;    /* of the table */
	struct ring waiting; /* of whoever makes it wait: admit or finisher */
	struct ring writing; /* of the writer: has text for the record */
	struct ring dirty;   /* of live: has text to tell */
	struct under_way under_way;
	struct job *next_same_hash;

	struct id tenant, id;
	struct id holder; /* the incarnation that claimed it */
	int32_t queue_id;
	int64_t fence;
	const struct kind *kind;
	char *model;	  /* NULL = none */
	char *told_model; /* readers saw text of it already: it alone goes on; NULL = any */
	char *principal;  /* who handed it in, and its roles, as permit.h asks for them; or NULL */
	struct sealed_key data_key; /* of all that it reads and writes; came with the input */
	int attempt, max_attempts;
	int64_t deadline_ms, timeout_ms; /* loop time; INT64_MAX = none */
	struct buf input;    /* sent as the request's body; freed once it was sent (call.c) */
	struct buf fallback; /* the job's policy, a JSON text; empty = none */
	size_t asked_bytes;  /* the request's body had so many */
	int64_t output_max;  /* tokens that its answer may have; 0 = not said */
	struct output output;
	int64_t kept_ms;	 /* when Redis was last told to keep its text; loop time */
	struct model_call *call; /* while and after the upstream is called */
	struct buf body;	 /* the reply's, before its verdict */
	struct released *result; /* what the verdict made of it */

	enum err error;		/* why it fails; ERR_OK so far */
	int64_t retry_after_ms; /* the upstream's floor; 0 = none */
	int64_t park_ms;	/* error is why it may not call yet: come again then; 0 = no */
	enum job_wait park_wait;
	struct id park_line;
	struct buf words; /* the upstream's own about the error */
	int64_t admitted_us, first_us, replied_us, claimed_us; /* clock_us; 0 = not yet */
	struct finish end;				       /* filled by the step finish */
	struct queue_counts *queue;			       /* where it is counted */
	size_t weight, result_weight;			       /* as counted in memory.h */
};

/* Walks on from the job's step. The job may be gone when it returns. */
void job_resume(struct job *job);
/* The job fails with e. Within its own step return NEXT afterwards; else job_resume. The first
 * error stays. */
void job_fail(struct job *job, enum err e);
/* Ends a job that waits: its call is cut, and it goes to finish with e. */
void job_end(struct job *job, enum err e);
/* Forgets a job that is another's by now: cuts its call, tells nobody. */
void job_drop(struct job *job);
/* A statement that points to the job pins it, once, and its callback unpins it last: a job that was
 * dropped or is done meanwhile is gone from the table, but its memory stays until then. So a
 * callback asks job->gone before it touches the job. The job may be freed when job_unpin returns.
 */
void job_pin(struct job *job);
void job_unpin(struct job *job);
/* Frees what the call held, and gives its place at the upstream back. */
void job_call_free(struct job *job);
/* Released text of the answer so far; never NULL. */
const struct buf *job_text(const struct job *job);
const char *step_text(enum step step);

#define STEP_FUNCTION(name) enum step_result step_##name(struct job *job);
STEP_TABLE(STEP_FUNCTION)
#undef STEP_FUNCTION

#endif
