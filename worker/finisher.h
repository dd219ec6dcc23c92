/* finisher.h - ends of attempts, written in batches.
 *
 * The first end of a quiet worker goes at once. A few that come within
 * finish_wait_ms of the last batch wait until that is over, and while one is under
 * way so long from the first of them; eight or more wait only then, half of it, and
 * a full batch never. So an idle worker waits for nobody and a busy one shares
 * commits. A job is held until the record answers:
 *
 *   done, or lost to another       the job is told, and goes
 *   refused for a value (DATA),    again by halves (domain/halving.h) until that job is
 *   or too large                   alone; it fails
 *   outcome unknown                the attempts are read: ended by us, still ours, or lost
 *   Postgres away                  kept, and sent again
 *
 * Bounds: as many jobs as there are slots wait; two batches of finish_batch are
 * under way, one while a refused value is looked for.
 *
 * Threads: the loop's.  Memory: jobs stay the table's; one in a batch is pinned
 * (job.h), and its result, words and deltas must stay as they are until it is told.
 * A batch's values are sealed copies only while it is handed to the connection. */
#ifndef WORKER_FINISHER_H
#define WORKER_FINISHER_H

#include "stores/finish.h"

#include <stddef.h>

struct finisher;
struct job;
struct worker;

MUST_CHECK enum err finisher_new(struct worker *w, struct finisher **ret_finisher);
/* After the connections are closed, whose last callbacks still come here. NULL is fine. */
void finisher_free(struct finisher *f);
/* job->end is filled, job->ending says ASKED. The job is told once, by TOLD and job_resume, unless
 * it is dropped before. */
void finisher_add(struct finisher *f, struct job *job);
/* The job was dropped while it was asked for: it leaves the queue, or its batch's answer finds it
 * gone. */
void finisher_remove(struct finisher *f, struct job *job);
/* At the end of a turn. */
void finisher_flush(struct finisher *f);
/* Logs what ended lately, once a second at most. */
void finisher_tell(struct finisher *f);
/* Ends not yet acknowledged: queued, or in a batch; and the bytes of them that are on their way. */
size_t finisher_pending(const struct finisher *f);
size_t finisher_bytes(const struct finisher *f);

#endif
