/* sealing.h - values sealed side by side in one buffer, for a batch.
 *
 * Threads: the loop's.  Memory: the buffer's; make its room first (SEALING_EXTRA beside each
 * value), as slices do not follow when it grows. */
#ifndef WORKER_SEALING_H
#define WORKER_SEALING_H

#include "domain/sealed.h"
#include "ports/db.h"

struct job;

enum { SEALING_EXTRA = SEALED_OVERHEAD };

/* Opens the job's data key for the next few values; close the box. */
void sealing_open(struct sealed_box *box, const struct job *job);
/* Gives the sealed value's place in buffer; NULL bytes for an empty one. ERR_SEALING, ERR_NOMEM,
 * ERR_TOO_LARGE: NULL bytes. */
MUST_CHECK enum err sealing_append(struct buf *buffer, const struct sealed_box *box,
	struct sealed_where where, struct db_bytes text, struct db_bytes *ret_sealed);

#endif
