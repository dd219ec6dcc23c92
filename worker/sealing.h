/* sealing.h - values sealed side by side in one buffer, for a batch.
 *
 * Threads: pure.  Memory: the buffer's; make its room first (SEALING_EXTRA beside each value), as
 * slices do not follow when it grows. */
#ifndef WORKER_SEALING_H
#define WORKER_SEALING_H

#include "domain/sealed.h"
#include "ports/db.h"

enum { SEALING_EXTRA = SEALED_OVERHEAD_MAX };

/* The sealed value's place in buffer; NULL bytes when it failed, which buf_err tells. */
static inline struct db_bytes sealing_append(struct buf *buffer, const void *bytes, size_t len)
{
	const size_t from = buffer->len;

	if (sealed_close(NULL, len ? bytes : "", len, buffer) != ERR_OK)
		return (struct db_bytes){NULL, 0};
	return (struct db_bytes){buffer->bytes + from, buffer->len - from};
}

#endif
