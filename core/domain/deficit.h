/* deficit.h - what a queue still owes its tenants, from one choice to the next.
 *
 * Tenants share a queue by deficit round robin (Shreedhar and Varghese 1995): in
 * every choice each tenant that has work is granted the same quantum times its
 * weight, spends it on its jobs' units, and keeps what is too little for its next
 * job. The statement that chooses does the sums (core/stores/share_sql.h); this
 * is what must be remembered between two of them. Whoever chooses remembers for
 * itself: the leader for what it dispatches, each worker for what it claims
 * directly. Forgetting is harmless: everybody is owed nothing then, as at the
 * beginning.
 *
 * A tenant without work is owed nothing: nobody saves up a turn by staying away.
 * The table is small; when it is full, whoever is owed least is forgotten, and
 * shares hold only on average, as turns still go round.
 *
 * Threads: pure.  Memory: fixed. */
#ifndef DOMAIN_DEFICIT_H
#define DOMAIN_DEFICIT_H

#include "ground/id.h"

#include <stddef.h>
#include <stdint.h>

enum { DEFICITS_MAX = 256 };

struct deficit {
	int32_t queue_id;
	struct id tenant;
	int64_t owed; /* thousandths of a unit, more than 0 */
};
struct deficits {
	size_t n;
	struct deficit list[DEFICITS_MAX];
};

/* A choice is over: what this queue owed before it holds no more. 0: of all queues. */
void deficits_settle(struct deficits *deficits, int32_t queue_id);
/* And this is owed after it. */
void deficits_owe(struct deficits *deficits, const struct deficit *deficit);
/* Both: what a choice told. */
void deficits_take(
	struct deficits *deficits, int32_t queue_id, const struct deficit *told, size_t n);

#endif
