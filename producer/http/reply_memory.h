/* reply_memory.h - how much all replies together may hold.
 *
 * A reply is counted from before it is loaded until the client has it, so that
 * clients who ask for megabytes and do not read hold what was agreed and no more.
 * The last quarter is kept from those who know that theirs will be large: they are
 * answered 503 first, and fetching slowly takes no poll its answer.
 *
 * Threads: any; one atomic sum in the server.  Memory: none of its own. */
#ifndef HTTP_REPLY_MEMORY_H
#define HTTP_REPLY_MEMORY_H

#include "http/request.h"

/* All of it is held, and this is a tenant's reading. What changes a job is answered. */
bool reply_memory_refuses(const struct request *r);
/* The reply has become so many bytes; 0 when it is sent or lost. */
void reply_memory_is(struct request *r, size_t bytes);

#endif
