/* counts.h - what this worker has done since it started, for its metrics.
 *
 * Everything is counted where it happened by a plain addition; metrics.c writes it.
 * Queues are known by the record's list, upstreams by their name, over reloads. Models
 * are the callers' words, so one is taken up only once an upstream has answered for
 * it, and COUNTS_MODELS_MAX of them: the rest are counted as one.
 *
 * Threads: the loop's.  Memory: fixed, counts_new to counts_free. */
#ifndef WORKER_COUNTS_H
#define WORKER_COUNTS_H

#include "domain/histogram.h"
#include "stores/finish.h"
#include "stores/queue.h"

enum {
	COUNTS_QUEUES_MAX = 1000,
	COUNTS_UPSTREAMS_MAX = 64,
	COUNTS_MODELS_MAX = 50,
	COUNTS_NAME_ROOM = 96
};

enum claim_way { CLAIM_MESSAGE, CLAIM_DIRECT, CLAIM_WAYS };

struct queue_counts {
	int32_t id; /* 0: the rest, when there are more queues than room */
	char name[QUEUE_NAME_MAX + 1];
	uint64_t claimed, lost;
	uint64_t ended[JOB_STATES]; /* by what the job became */
	struct histogram wait_us;   /* SLOW */
};

struct upstream_counts {
	char name[COUNTS_NAME_ROOM];
	uint64_t attempts[ERR_COUNT_];
	uint64_t retries;
	struct histogram first_us, call_us; /* SLOW */
};

struct model_counts {
	const struct upstream_counts *upstream;
	char name[COUNTS_NAME_ROOM];
	int64_t input_tokens, output_tokens, cost_nano;
};

struct claim_counts {
	struct histogram jobs;	  /* SIZE */
	struct histogram took_us; /* FAST */
	uint64_t failed;
};

struct counts {
	size_t queues_n, upstreams_n, models_n;
	struct queue_counts *queues;
	struct upstream_counts *upstreams; /* the first: no upstream was asked */
	struct model_counts models[COUNTS_MODELS_MAX + 1];
	size_t model_last; /* found there: most ends are of the same one */
	struct claim_counts claims[CLAIM_WAYS];
	struct histogram dispatch_us;	 /* FAST */
	struct histogram finish_jobs;	 /* SIZE */
	struct histogram finish_took_us; /* FAST */
	uint64_t finish_failed;
	uint64_t ended; /* attempts, all of them */
};

MUST_CHECK enum err counts_new(struct counts **ret_counts);
void counts_free(struct counts *counts);

/* The counts of a queue; never NULL. They stay where they are. */
struct queue_counts *counts_queue(struct counts *counts, int32_t id);
/* How the record calls the queues now. */
void counts_name_queues(struct counts *counts, const struct queue *queues, size_t n);
void counts_claim(struct counts *counts, enum claim_way way, enum err e, size_t jobs, int64_t us);
/* The record took an attempt's end, or refused it as another's. */
void counts_end(struct counts *counts, struct queue_counts *queue, const struct finish *end);
void counts_finish(struct counts *counts, enum err e, size_t jobs, int64_t us);

#endif
