/* epoch.h - which history the fences belong to.
 *
 * After a promotion or a restore, fences and terms that a lost part of history had
 * handed out could be handed out again. So each (system identifier, timeline) has a
 * row in record_epoch with a fence base above all before it; making that row also
 * ends every lease. Jobs that ran then may have ended in what was lost: they wait for
 * an operator's word (review.h), or, where the configuration says that nothing is lost
 * (database.rerun_after_failover), run again as interrupted.
 *
 * A worker pins the epoch whenever its beat connects, before it registers or claims,
 * and claims and ends only on connections to the history that it pinned; a scheduler before it
 * asks for the term, so that it takes no job for a dead worker's first. Nobody else
 * hands out fences. db_origin_read tells what a connection leads to, and a worker whose
 * origin changed drops what it holds.
 *
 * Threads: the connection's.  Memory: what a callback gets dies with it; arguments are
 * copied. */
#ifndef STORES_EPOCH_H
#define STORES_EPOCH_H

#include "ports/db.h"

struct epoch {
	uint64_t system_identifier;
	uint32_t timeline;
	int64_t fence_base;
	bool fresh;		 /* this call made it: all leases have just ended */
	int64_t history_ends_ms; /* the last that is known of the history before; 0 = unknown */
	int64_t held;		 /* jobs that ran then */
};
typedef void epoch_pin_done(void *ctx, enum err e, const struct epoch *epoch);
/* Idempotent. rerun counts where this call makes the epoch. */
MUST_CHECK enum err epoch_pin(struct db *db, bool rerun, epoch_pin_done *done, void *ctx);

#endif
