/* permit_spare.h - leave to call that nobody here asks for, while jobs wait for it in the record.
 *
 * A parked job has its time from what was known when it was parked. A breaker that
 * closes, a limit that is raised, calls that end sooner, retries that are paid for
 * make that too late. So each worker that has sent jobs back looks now and then
 * whether a line could go on: nobody waits here, the breaker is closed, and calls are
 * free. It asks for as many as it may call; more when those came or a second passed.
 *
 * A line whose end has come is not looked at: an idle fleet asks nothing.
 *
 * Threads: the loop's.  Memory: the caller's. */
#ifndef UPSTREAMS_PERMIT_SPARE_H
#define UPSTREAMS_PERMIT_SPARE_H

#include "stores/parked.h"
#include "upstreams/permit.h"

/* The lines that could go on, and by how many jobs; at most max. Scopes whose jobs wait in the
 * record are kept fresh by it. */
size_t permits_spare(struct permits *p, struct parked_line *lines, size_t max);

#endif
