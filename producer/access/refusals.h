/* refusals.h - calls that were refused, as the audit has them: counted, so that nobody can fill it.
 *
 * A call answered 401 or 403 changes and shows nothing, so no transaction waits for its
 * row. It is counted by who, from where, and what was not allowed; every
 * audit.refusals_ms the counts are written, a row each. Of those who are known there are
 * at most REFUSALS_LINES rows a time, of those who are not as many again, so that a flood of
 * bad keys hides no tenant's refusals; what is beyond is one row of kind `others`. A
 * producer that stops loses what it has not written yet.
 *
 * Not counted: a second person who is asked for (that has a row of its own), and what is
 * hidden as if it were not there (404).
 *
 * Threads: any may note; one mutex. Written from the producer's loop.  Memory: two fixed tables. */
#ifndef ACCESS_REFUSALS_H
#define ACCESS_REFUSALS_H

#include "http/request.h"
#include "record/record.h"

enum { REFUSALS_LINES = 100 };

struct refusals;

/* Begins to write, on the producer's loop. */
MUST_CHECK enum err refusals_new(struct producer *producer, struct refusals **ret_refusals);
/* NULL is fine. */
void refusals_free(struct refusals *f);
/* Of every request that is over. */
void refusals_note(struct refusals *f, const struct request *r);
/* Rows that are not on their way yet. */
size_t refusals_waiting(struct refusals *f);

extern const struct record_op refusals_op;

#endif
