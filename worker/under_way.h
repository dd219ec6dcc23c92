/* under_way.h - what the record hears of attempts while they last.
 *
 * Whom an attempt calls is written when it ends. Of a call that lasts longer than a beat,
 * and of a wait that lasts longer than three, the next beat tells it: the upstream, the key's label
 * and the model that are called, or would be, since when, and what holds it back until then. So
 * people see where a job is, and the leader knows of a dead worker's attempt whether it called
 * anybody.
 *
 * A short call is never told: the ring of calls is in the order of their beginning, and
 * a beat looks no further than to the first young one. Those that wait are looked at
 * all; there is only room for few (permit.h).
 *
 * Threads: the loop's.  Memory: links in the jobs, and the name of a model. */
#ifndef WORKER_UNDER_WAY_H
#define WORKER_UNDER_WAY_H

#include "domain/hold.h"
#include "ground/ring.h"
#include "stores/worker_row.h"

struct job;
struct upstream_key;
struct worker;

/* What holds a job back before its call: now, and what did so longest. Zeroed = nothing. */
struct held_back {
	enum hold now, most;
	int64_t since_ms, most_ms;
};
/* From now_ms on it is this; HOLD_NONE: nothing any more. The same again is harmless. */
void held_back_by(struct held_back *b, enum hold hold, int64_t now_ms);

/* The part of a job that this file looks after. Zeroed = nothing yet. */
struct under_way {
	struct ring calling; /* of the worker, until its call is told or ended */
	struct held_back held;
	struct upstream_key *key; /* that it would call with; held */
	char *model;		  /* as the job's and its fallbacks' are named; NULL = none */
	enum { TOLD_NOTHING, TOLD_HELD, TOLD_CALLED } told;
	enum hold told_hold;		     /* TOLD_HELD: by this, */
	const struct upstream_key *told_key; /* from a call with this one */
};
void under_way_clear(struct under_way *u);

/* The job waits for leave to call with key, NULL: to call at all. */
void under_way_held(struct job *job, enum hold hold, struct upstream_key *key, const char *model);
/* It waits no more; what it waited for longest, NULL = for nothing. */
const char *under_way_held_by(struct job *job);
/* Its call begins. */
void under_way_called(struct job *job);
/* Up to max attempts that are worth to be told, which count as told then. They point into the jobs.
 */
size_t under_way_tell(struct worker *w, struct worker_told *told, size_t max);
/* A beat was lost with what it told: all of it is told again. */
void under_way_doubt(struct worker *w);

#endif
