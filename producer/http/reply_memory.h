/* reply_memory.h - how much all replies together may hold, and those of one tenant.
 *
 * A reply is counted from before it is loaded until the client has it, so that
 * clients who ask for megabytes and do not read hold what was agreed and no more.
 * The last quarter is kept from those who know that theirs will be large: they are
 * answered 503 first, and fetching slowly takes no poll its answer. Both are true
 * of a tenant's share (shares.h) as well: who fetches slowly gets in nobody else's way.
 *
 * Threads: any; atomic sums.  Memory: the sums are the server's. */
#ifndef HTTP_REPLY_MEMORY_H
#define HTTP_REPLY_MEMORY_H

#include "http/request.h"

/* All of it is held, or all of the tenant's share, and this is a tenant's reading. What changes a
 * job is answered. */
bool reply_memory_refuses(const struct request *r);
/* Before so many bytes are loaded for the reply, or once it has grown to them: counted until the
 * reply is sent, and asked for again only by what is more. On the thread that has the request.
 *   ERR_UNAVAILABLE  too many are held by others already */
MUST_CHECK enum err reply_memory_expect(struct request *r, size_t bytes);
/* The reply has become so many bytes; 0 when it is sent or lost. */
void reply_memory_is(struct request *r, size_t bytes);

#endif
