/* bulk.h - POST /v1/jobs/bulk: many jobs in one request, one line each, in and out.
 *
 * Lines are read by one thread of its own, so that ten thousand of them hold up no
 * other request, a chunk at a time (bulk_chunk.h): it is committed as a whole, and while
 * it is, the next one is read. Each line stands alone: a wrong one is answered with
 * its problem, and the others are jobs. Chunks of several requests take turns.
 *
 * Threads: the server's hand in, one reads, lanes commit.  Memory: two chunks per
 * request beside its body, and the reply. */
#ifndef JOBS_BULK_H
#define JOBS_BULK_H

#include "http/request.h"

struct bulk;

MUST_CHECK enum err bulk_new(struct producer *producer, struct bulk **ret_bulk);
/* Ends the thread, after its requests. NULL is fine. */
void bulk_free(struct bulk *bulk);
void bulk_call(struct request *r);

#endif
