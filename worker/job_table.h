/* job_table.h - the jobs held now, by id, and the pool they come from.
 *
 * Threads: the loop's.  Memory: slots times a job at most; a freed job is used
 * again before memory is asked for. */
#ifndef WORKER_JOB_TABLE_H
#define WORKER_JOB_TABLE_H

#include "job.h"
#include "pools.h"

enum { JOB_TABLE_BUCKETS = 16384, JOB_TABLE_POOL_MAX = 4096 };

struct job_table {
	struct ring held; /* oldest first */
	size_t n;
	struct job **buckets;
	struct ring pool;
	size_t pooled;
	struct pools pools; /* how many of each queue */
};

MUST_CHECK enum err job_table_init(struct job_table *t);
/* No job may be held. */
void job_table_clear(struct job_table *t);
/* A zeroed job with its magic, held under (tenant, id). NULL: out of memory, or it is held already;
 * an older holding of ours is the caller's to drop first. */
struct job *job_table_add(struct job_table *t, struct id tenant, struct id id, int32_t queue_id);
/* Not held any more, though statements may still point to it. Twice is fine. */
void job_table_forget(struct job_table *t, struct job *job);
/* Nothing points to a forgotten job: its memory may be used again. */
void job_table_recycle(struct job_table *t, struct job *job);
struct job *job_table_find(const struct job_table *t, struct id id);

#endif
