/* stray.h - leases that the record gave this worker and that no job here knows of.
 *
 * A claim whose answer was lost with its line may have been committed. Its jobs
 * then lie with a worker that beats, so the reaper leaves them, and nobody runs
 * them. After such a claim all leases of this worker are read; what no job here
 * matches is handed back as an interruption. The fence makes that harmless: an
 * end that was under way meanwhile has taken the lease along.
 *
 * It is read on the connection of the claims: those sent before are answered by
 * then, those sent behind are not seen.
 *
 * Threads: the loop's.  Memory: a batch of ends while they are handed back. */
#ifndef WORKER_STRAY_H
#define WORKER_STRAY_H

#include <stdbool.h>

struct worker;

struct strays {
	struct worker *worker;
	bool doubted; /* some lease may be nobody's */
	bool asking;
};

/* Looks at the leases, if there is doubt. */
void strays_flush(struct strays *strays);

#endif
