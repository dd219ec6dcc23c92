/* stray.h - leases that the record gave this worker and that no job here knows of.
 *
 * A claim whose answer was lost with its line may have been committed. Its jobs
 * then lie with a worker that beats, so the reaper leaves them, and nobody runs
 * them. After such a claim all leases of this worker are read; what no job here
 * matches is handed back as an interruption. The fence makes that harmless: an
 * end that was under way meanwhile has taken the lease along.
 *
 * A claim may also be committed after the look: its bytes, or its session, outlive the
 * line by up to a statement's time. So the look is repeated for that long.
 *
 * It is read on the connection of the claims: those sent before are answered by
 * then, those sent behind are not seen.
 *
 * Threads: the loop's.  Memory: a batch of ends while they are handed back. */
#ifndef WORKER_STRAY_H
#define WORKER_STRAY_H

#include <stdbool.h>
#include <stdint.h>

struct worker;

struct strays {
	struct worker *worker;
	bool doubted; /* some lease may be nobody's */
	bool asking;
	int64_t late_ms; /* until then a claim of a lost line may yet be committed */
	int64_t next_ms; /* the next look of those */
};

/* A claim was not answered. */
void strays_doubt(struct strays *strays);

/* Looks at the leases, if there is doubt. */
void strays_flush(struct strays *strays);

#endif
