/* body_memory.h - how much all bodies together may hold, and those of one tenant.
 *
 * A body is counted by the length that its head announces, before a byte of it came, and then
 * until its request is answered: who is let in has room for all of it. Announcing costs a client
 * nothing, so no tenant may hold more than its share (shares.h), and who has none has
 * a share as well.
 *
 * What is no longer than a connection's own buffer (producer.connection_bytes) is not counted and
 * never refused: it costs no more than its connection, of which there are so many. So whoever ends
 * a key or a job is heard, however many large bodies are awaited.
 *
 * Threads: the one that has the request; atomic sums.  Memory: the sums are the server's. */
#ifndef HTTP_BODY_MEMORY_H
#define HTTP_BODY_MEMORY_H

#include "http/request.h"

/* The request's body, and what was made of it, will be so many bytes in all; asked for again only
 * by what is more. Who calls is known.
 *   ERR_UNAVAILABLE  too many are held by others already */
MUST_CHECK enum err body_memory_expect(struct request *r, size_t bytes);
/* It holds nothing any more. */
void body_memory_release(struct request *r);

#endif
