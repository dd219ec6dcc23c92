/* worker.h - one process that holds jobs and runs them, on one loop.
 *
 * The parts and who wakes whom:
 *
 *   claim     asks the record for jobs (named by Kafka, or directly) when there
 *             are free slots
 *   intakes   load the inputs of what was claimed, while there is memory, and start
 *             the jobs' walk (intake.h, job.h)
 *   permits   leave to call an upstream; wake those that wait for it (admitting)
 *   recall    has parked jobs come sooner, where there is leave to spare
 *   finisher  ends them in batches, and frees the slot when the record has it
 *   late_usage  books what attempts used whose jobs were lost
 *   beat      the pulse on its own connection; its reply drains, cancels, kills
 *   live      text and states to Redis, cancels from it
 *   writer    numbered text to the record, when numbers run short or Redis is away
 *   sender    webhooks: claims, posts and settles deliveries, with slots of its own
 *   counts    what was done, for the metrics (metrics.h), and what is held (memory.h)
 *
 * A job stays held, and its slot taken, until the record acknowledged its end or
 * refused it.
 *
 * Modes only go forward: running, draining (claims nothing, waits for what runs),
 * leaving (hands the rest back), gone. A worker that was declared dead drops all
 * it holds and begins anew as another incarnation.
 *
 * Threads: one.  Memory: slots times (a job and its call), and the batches. */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "config/config.h"
#include "crash_note.h"
#include "ground/heap.h"
#include "job_table.h"
#include "memory.h"
#include "ports/db.h"
#include "ports/http.h"
#include "ports/loop.h"

struct beat;
struct claimer;
struct counts;
struct exporter;
struct sender;
struct finisher;
struct key_watch;
struct keyring;
struct late_usage;
struct live;
struct reach;
struct upstreams;
struct writer;
struct released;
struct permits;
struct recall;
struct token_limits;

enum worker_mode { WORKER_RUNNING, WORKER_DRAINING, WORKER_LEAVING, WORKER_GONE };

enum { WORKER_DB_MAX = 2, WORKER_EXIT_DRAINED = 10 };

struct worker {
	struct config *config; /* replaced by a reload */
	const char *config_path;
	struct loop *loop;
	struct http *http;
	struct db *db[WORKER_DB_MAX]; /* claims on the first, ends on the last */
	size_t db_n;
	struct id incarnation;
	enum worker_mode mode;
	int64_t drain_until_ms;
	bool drained; /* by an operator: it stays away */
	struct crash_note_file note;
	struct keyring *keyring;     /* opens data keys */
	struct key_watch *key_watch; /* fills it */
	struct job_table jobs;
	struct memory memory;
	struct heap_tide tide;	   /* of what is held */
	struct released *released; /* what a feed released, until it is copied */
	struct upstreams *upstreams;
	struct reach *reach;
	struct token_limits *token_limits;
	struct permits *permits;
	struct recall *recall;
	struct claimer *claim;
	struct finisher *finisher;
	struct late_usage *late_usage;
	struct beat *beat;
	struct live *live;
	struct writer *writer;
	struct sender *sender;
	struct counts *counts;
	struct exporter *exporter; /* NULL: no worker.metrics_listen */
	struct ring intakes;	   /* of claims whose inputs are not all read */
	size_t pieces_asked;	   /* of inputs, on their way */
	struct ring admitting;	   /* jobs that wait for leave to call */
	struct ring calling;	   /* jobs whose call is not told (under_way.h) */
	bool admit;		   /* look at them at the end of this turn */
	bool leaving;		   /* the record was told */
	uint64_t stalls_told;	   /* of the loop, logged */
	struct loop_timer *sweep;
	struct loop_idle *after_io;
	struct loop_signal *signals[3];
};

/* config: one hold is taken over. Logs why it fails. */
MUST_CHECK enum err worker_new(
	struct config *config, const char *config_path, struct worker **ret_worker);
/* Runs until drained or dead. Returns the program's exit status: WORKER_EXIT_DRAINED tells whoever
 * supervises it that an operator wants it away, and that it is not to be started again. */
int worker_run(struct worker *w);
void worker_free(struct worker *w);

/* The connection for ends and their like. Both may be down: db_begin then refuses. */
struct db *worker_db_claim(const struct worker *w);
struct db *worker_db_finish(const struct worker *w);
/* Slots that may be filled now: 0 while draining, cut off, or short of memory. */
size_t worker_free_slots(const struct worker *w);
/* A slot got free, or leave to call may be had again. */
void worker_slot_freed(struct worker *w);
void worker_admit_waiting(struct worker *w);
void worker_begin_drain(struct worker *w, const char *why);
/* This incarnation was declared dead: drop everything. */
void worker_reborn(struct worker *w);

#endif
