/* served.h - which queues this worker takes jobs of.
 *
 * The record's list of queues is read again twice a second, so that a queue that was
 * made, or whose weight changed, counts within about that; worker.queues says which
 * of them are meant. Whoever consumes messages subscribes to the same ones.
 *
 * Threads: the loop's.  Memory: the most queues there can be. */
#ifndef WORKER_SERVED_H
#define WORKER_SERVED_H

#include "ground/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct served;
struct stream_consumer;
struct worker;

/* consumer may be NULL. */
MUST_CHECK enum err served_new(
	struct worker *w, struct stream_consumer *consumer, struct served **ret_served);
void served_free(struct served *served);
/* False while the list has not come. */
bool served_is_known(const struct served *served);
/* Their ids. A queue that was made just now is not among them: nobody knows yet what room it may
 * have (pools.h). */
const int32_t *served_ids(const struct served *served, size_t *ret_n);

#endif
