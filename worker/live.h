/* live.h - running text and changes of state, to whoever watches through Redis.
 *
 * Redis is scratch: all that is sent here can be read from the record too, only
 * later. Text goes out every live_flush_ms, many jobs in one script call, and
 * states once a turn, under the names of domain/live_channel.h. A word of a cancel
 * is only a reason to beat: the beat's reply names the cancelled.
 *
 * When Redis is away, refuses, or has lost a stream's beginning, the text goes to
 * the record while the attempt runs (writer.h).
 *
 * Threads: the loop's.  Memory: one batch of commands. */
#ifndef WORKER_LIVE_H
#define WORKER_LIVE_H

#include "ground/err.h"

#include <stdbool.h>
#include <stdint.h>

struct job;
struct live;
struct worker;

/* Without a limits_url everything here is quiet, and text goes to the record. */
MUST_CHECK enum err live_new(struct worker *w, struct live **ret_live);
void live_free(struct live *l);
/* The job has new text. */
void live_touch(struct live *l, struct job *job);
/* Numbers the job's new text now (as far as there are numbers) and sends it with the next batch. */
void live_tell(struct live *l, struct job *job);
/* The record has it: the job is in this state. */
void live_state(struct live *l, const struct job *job, const char *state);
/* From now on, or no longer, the early words of this partition's messages go to the claimer. */
void live_hear_early(struct live *l, const char *queue, int32_t partition, bool hear);
/* Does Redis answer? False without one. */
bool live_redis_is_up(const struct live *l);
/* At the end of a turn. */
void live_flush(struct live *l);

#endif
