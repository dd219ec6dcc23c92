/* finisher.h - ends of attempts, written in batches.
 *
 * A batch goes at once when none is under way, else when it is full or a few
 * milliseconds old; so an idle worker waits for nobody and a busy one shares
 * commits. A job is held until the record answers:
 *
 *   done, or lost to another       the job is told, and goes
 *   refused for a value (DATA)     the batch is halved until that job stands alone; it fails
 *   outcome unknown                the attempts are read: ended by us, still ours, or lost
 *   Postgres away                  kept, and sent again
 *
 * Threads: the loop's.  Memory: sealed copies of a batch while it is sent. */
#ifndef WORKER_FINISHER_H
#define WORKER_FINISHER_H

#include "stores/finish.h"

#include <stddef.h>

struct finisher;
struct job;
struct worker;

MUST_CHECK enum err finisher_new(struct worker *w, struct finisher **ret_finisher);
void finisher_free(struct finisher *f);
/* job->end is filled; the job is told through ending and job_resume. */
void finisher_add(struct finisher *f, struct job *job);
/* The job was dropped while it was asked for. */
void finisher_remove(struct finisher *f, struct job *job);
/* At the end of a turn. */
void finisher_flush(struct finisher *f);
/* Logs what ended lately, once a second at most. */
void finisher_tell(struct finisher *f);
/* Ends not yet acknowledged. */
size_t finisher_pending(const struct finisher *f);
/* What the attempt used, as far as it is known. */
void finisher_usage(const struct job *job, struct finish *end);

#endif
