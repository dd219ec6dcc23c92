#include "job_table.h"

#include "job_magic.h"

#include <stdlib.h>
#include <string.h>

enum err job_table_init(struct job_table *t)
{
	memset(t, 0, sizeof(*t));
	ring_init(&t->held);
	ring_init(&t->pool);
	t->buckets = calloc(JOB_TABLE_BUCKETS, sizeof(struct job *));
	return t->buckets ? ERR_OK : ERR_NOMEM;
}

void job_table_clear(struct job_table *t)
{
	while (!ring_empty(&t->pool)) {
		struct job *job = RING_OF(t->pool.next, struct job, held);

		ring_leave(&job->held);
		free(job);
	}
	free(t->buckets);
	t->buckets = NULL;
}

/* An id's last bytes are chance. */
static struct job **bucket_of(const struct job_table *t, struct id id)
{
	uint32_t hash;

	memcpy(&hash, id.bytes + sizeof(id.bytes) - sizeof(hash), sizeof(hash));
	return &t->buckets[hash % JOB_TABLE_BUCKETS];
}

struct job *job_table_find(const struct job_table *t, struct id id)
{
	struct job *job = *bucket_of(t, id);

	while (job && !id_equal(job->id, id))
		job = job->next_same_hash;
	return job;
}

static struct job *job_from_pool(struct job_table *t)
{
	struct job *job;

	if (ring_empty(&t->pool))
		return malloc(sizeof(*job));
	job = RING_OF(t->pool.next, struct job, held);
	ring_leave(&job->held);
	t->pooled--;
	return job;
}

struct job *job_table_add(struct job_table *t, struct id tenant, struct id id, int32_t queue_id)
{
	struct job **bucket = bucket_of(t, id);
	struct job *job;

	if (job_table_find(t, id))
		return NULL;
	job = job_from_pool(t);
	if (!job)
		return NULL;
	*job = (struct job){.magic = JOB_MAGIC, .tenant = tenant, .id = id, .queue_id = queue_id};
	job->next_same_hash = *bucket;
	*bucket = job;
	ring_join(&t->held, &job->held);
	t->n++;
	pools_hold(&t->pools, queue_id);
	return job;
}

void job_table_forget(struct job_table *t, struct job *job)
{
	struct job **at = bucket_of(t, job->id);

	if (!job->held.next)
		return;
	while (*at != job)
		at = &(*at)->next_same_hash;
	*at = job->next_same_hash;
	ring_leave(&job->held);
	t->n--;
	pools_release(&t->pools, job->queue_id);
}

void job_table_recycle(struct job_table *t, struct job *job)
{
	job->magic = JOB_MAGIC_FREED;
	if (t->pooled < JOB_TABLE_POOL_MAX) {
		ring_join(&t->pool, &job->held);
		t->pooled++;
	} else {
		free(job);
	}
}
