/* bulk_chunk.h - some lines of a bulk request: read together, committed as a whole, answered each.
 *
 * A chunk's failed commit fails its lines only: what was answered with an id is committed,
 * everything else is not there. A value that the record refuses is looked for by halves
 * (domain/halving.h), and fails its own line.
 *
 * Threads: one reads, sends and answers; a lane commits, and says so.  Memory: of BULK_CHUNK
 * lines from the start, so that none is lost for want of it once others are committed. */
#ifndef JOBS_BULK_CHUNK_H
#define JOBS_BULK_CHUNK_H

#include "http/request.h"

struct bulk_chunk;

enum { BULK_CHUNK = 500 };

/* What is left of a body. */
struct bulk_text {
	const char *at, *end;
};

/* The outcome of its lines is known: in a lane's thread, or inside bulk_chunk_send. */
typedef void bulk_chunk_ended(void *owner);

/* r outlives it. NULL: no memory. */
struct bulk_chunk *bulk_chunk_new(struct request *r, bulk_chunk_ended *ended, void *owner);
/* Only one that is not under way. NULL is fine. */
void bulk_chunk_free(struct bulk_chunk *chunk);

/* Takes the next lines that are not blank into an empty chunk, as many as others may wait for (500,
 * and a few MiB); how many. None of a text that has
 * some: no queue is known yet. */
size_t bulk_chunk_read(struct bulk_chunk *chunk, struct bulk_text *text);
/* On its way to the record from now on, until it is done. */
void bulk_chunk_send(struct bulk_chunk *chunk);
bool bulk_chunk_is_done(const struct bulk_chunk *chunk);
/* Puts a line for each of its own into the reply, whole or by its id; the chunk is empty then. */
void bulk_chunk_answer(struct bulk_chunk *chunk, bool whole);

#endif
