/* memory.h - what a worker holds, counted against worker.memory_mb.
 *
 * Counted are the jobs with their inputs, replies and results, what is on its way to
 * the record, and what each call costs the library. A job's share is weighed anew
 * whenever a step of it ran or a piece of its reply came, so the sum is always there
 * and never walked for.
 *
 * Claims stop before the target is passed: each job that was asked for, or whose input
 * is still to come, is expected to be as large as the last ones were (a moving mean that
 * begins at the largest body the API takes). Replies that grow beyond it end no job.
 *
 * Threads: the loop's.  Memory: a value. */
#ifndef WORKER_MEMORY_H
#define WORKER_MEMORY_H

#include <stddef.h>
#include <stdint.h>

struct job;
struct worker;

struct memory {
	size_t jobs;	 /* bytes that held jobs weigh */
	size_t results;	 /* of these, finished replies */
	size_t expected; /* bytes of a job that is to come; 0 = none came yet */
	size_t unloaded; /* claimed jobs whose input is still to come */
};

/* All that is counted, in bytes. */
size_t worker_memory_held(const struct worker *w);
size_t worker_memory_target(const struct worker *w);
/* Jobs that may be claimed on top of those that were asked for. */
size_t memory_jobs_room(const struct worker *w);
/* Its buffers may have changed. */
void memory_weigh(struct job *job);
/* Its input came: it is what the next ones are expected to be. */
void memory_learn(struct job *job);
/* It is freed. */
void memory_forget(struct job *job);

#endif
