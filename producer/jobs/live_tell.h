/* live_tell.h - what other processes shall know after a commit of ours.
 *
 * Told through Redis, which may lose it: they learn it from the record then.
 *
 * Threads: any.  Memory: what is told is copied. */
#ifndef JOBS_LIVE_TELL_H
#define JOBS_LIVE_TELL_H

#include "domain/job.h"
#include "ground/id.h"

#include <stddef.h>
#include <stdint.h>

struct live;

/* To those who watch the job at other producers. */
void live_tell_state(struct live *live, struct id job, enum job_state state);
/* To the workers that hold them. */
void live_tell_cancel(struct live *live, const struct id *jobs, size_t n);
/* A dispatch message was sent to this partition: its reader hears it at once. */
void live_tell_early(
	struct live *live, const char *queue, int32_t partition, const void *bytes, size_t len);

#endif
