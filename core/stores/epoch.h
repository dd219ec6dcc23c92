/* epoch.h - which history the fences belong to.
 *
 * After a promotion or a restore, fences that a lost part of history had handed
 * out could be handed out again. So each (system identifier, timeline) has a row
 * in record_epoch with a fence base 2^32 above the one before it; making that row
 * also ends every lease (the jobs return as interrupted). Every program pins the
 * epoch right after it connects, before it claims or leads; db_origin_read tells
 * what it connected to, and a worker whose origin changed drops what it holds.
 *
 * Threads: the connection's. */
#ifndef STORES_EPOCH_H
#define STORES_EPOCH_H

#include "ports/db.h"

struct epoch {
	uint64_t system_identifier;
	uint32_t timeline;
	int64_t fence_base;
	bool fresh; /* this call made it: all leases have just ended */
};
typedef void epoch_pin_done(void *ctx, enum err e, const struct epoch *epoch);
/* Idempotent; workers and schedulers. */
MUST_CHECK enum err epoch_pin(struct db *db, epoch_pin_done *done, void *ctx);

#endif
