/* writer.h - deltas of running attempts into the record.
 *
 * Usually an attempt's text is written once, when it ends. Two cases cannot wait:
 * its block of numbers runs short (what it used goes into the record together
 * with the reservation of the next block), and Redis is away or lost something
 * (then watchers read the record, every run_flush_ms).
 *
 * A batch that is refused for a value is sent again by halves until that job stands
 * alone: its text so far is left out of the record, where it reads as empty deltas;
 * the answer is written by its end all the same. Refused without any text, it is let go.
 *
 * Threads: the loop's.  Memory: sealed copies of a batch while it is sent. */
#ifndef WORKER_WRITER_H
#define WORKER_WRITER_H

#include "stores/event.h"

struct job;
struct worker;
struct writer;

MUST_CHECK enum err writer_new(struct worker *w, struct writer **ret_writer);
void writer_free(struct writer *wr);
/* The job's deltas go into the record with the next batch, and more numbers are asked for when it
 * has few. The job is resumed when that is done. Twice is once. */
void writer_add(struct writer *wr, struct job *job);
/* Adds every held job with unwritten deltas. */
void writer_add_all(struct writer *wr);
/* At the end of a turn. */
void writer_flush(struct writer *wr);

/* The job's first deltas that are not in the record yet (all of its told text), as one run: text
 * is appended to sealed, which has room for it; lengths stay the job's. */
MUST_CHECK enum err writer_run(const struct job *job, const struct sealed_box *box, size_t deltas,
	struct buf *sealed, struct event_run *ret_run);

#endif
