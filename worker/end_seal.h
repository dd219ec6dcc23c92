/* end_seal.h - what an attempt leaves in the record: its answer, the upstream's words, its last
 * deltas.
 *
 * Threads: the loop's.  Memory: sealed values lie in the batch's buffer, whose room is made before.
 */
#ifndef WORKER_END_SEAL_H
#define WORKER_END_SEAL_H

#include "ground/buf.h"
#include "stores/event.h"

struct job;

/* Fills job->end's values and runs (one run at most, in *run). A job whose data key is gone fails
 * without any. ERR_NOMEM, ERR_TOO_LARGE of sealed. */
MUST_CHECK enum err end_seal(struct job *job, struct buf *sealed, struct event_run *run);
/* Leaves out deltas that are not in the record yet. False: there were none. */
bool end_leave_text(struct job *job);
/* The job fails with e, without any value of its own; what its call used stays, unless the record
 * refused that (ERR_DB_DATA). */
void end_disown(struct job *job, enum err e);

#endif
