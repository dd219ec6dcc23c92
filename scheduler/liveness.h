/* liveness.h - which silent workers are dead, and which are only not heard.
 *
 * Elapsed time alone is a bad witness: a restart of Postgres silences everybody
 * and kills nobody. So locks and beats count only after our own session has lived
 * one full lease, and when more than half of the fleet (at least two) fall silent
 * together, one more lease passes before anybody is believed dead. A lock that is
 * gone is a hint that shortens the wait from a lease to REAP_SILENT_MS; where no
 * living worker shows its lock (a transaction pooler) the hint is not used.
 *
 * Threads: pure.  Memory: the caller's arrays. */
#ifndef SCHEDULER_LIVENESS_H
#define SCHEDULER_LIVENESS_H

#include "stores/reap.h"

struct liveness_memory {
	int64_t mass_since_ms; /* since when more than half are silent; 0 = they are not */
};

struct liveness {
	struct id *by_lock; /* dead: silent for REAP_SILENT_MS and the lock is gone */
	size_t by_lock_n;
	struct id *by_lease; /* dead: the lease has run out */
	size_t by_lease_n;
};

/* session_ms: how long our session has lived. ret's arrays have room for n ids each. */
void liveness_judge(struct liveness_memory *memory, const struct reap_worker *workers, size_t n,
	int64_t now_ms, int64_t session_ms, struct liveness *ret);

#endif
