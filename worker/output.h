/* output.h - an attempt's deltas: their numbers, and which are not in the record yet.
 *
 * A claim reserves a block of event numbers. Its first is the attempt's
 * job.running; then every delta takes the next one, and the last one of the block
 * is kept free for the event that ends the attempt. When a block runs short more
 * numbers are asked for behind it; until they are there, text waits and becomes
 * part of a later delta. So nothing ever has a number that is not reserved, and
 * what is not used is given back at the end.
 *
 * The text itself stands once, in the reply; here are only lengths.
 *
 * Threads: pure.  Memory: four bytes for each delta not yet in the record. */
#ifndef WORKER_OUTPUT_H
#define WORKER_OUTPUT_H

#include "ground/buf.h"

#include <stdbool.h>
#include <stdint.h>

enum { OUTPUT_LOW = 96, OUTPUT_DELTAS_MAX = 1 << 20 };

struct output {
	int64_t next;	    /* the next free number */
	int64_t last;	    /* the last one reserved */
	int64_t run_seq;    /* number of the first delta that is not in the record */
	size_t run_at;	    /* where its text begins */
	size_t told;	    /* text up to here has a number */
	struct buf lengths; /* uint32 little endian, one for each delta from run_seq on */
	bool extending;	    /* more numbers were asked for */
	bool doubted;	    /* the first ones may be in the record: an answer was lost */
};

/* Numbers from (the attempt's first event) to last are reserved. */
void output_open(struct output *o, int64_t from, int64_t last);
void output_clear(struct output *o);
/* Makes the text between told and text_len a delta. Its number, or 0: nothing new, no number is
 * free, or no memory; then the text waits. */
int64_t output_tell(struct output *o, size_t text_len);
/* Should more numbers be asked for? Says so until output_extended. */
bool output_is_low(const struct output *o);
void output_extended(struct output *o, int64_t last);
size_t output_unwritten(const struct output *o); /* deltas that are not in the record */
/* The first n of them are in the record now. */
void output_written(struct output *o, size_t n);

#endif
