/* epoch.h - which history the fences belong to.
 *
 * After a promotion or a restore, fences that a lost part of history had handed
 * out could be handed out again. So each (system identifier, timeline) has a row
 * in record_epoch with a fence base 2^32 above the one before it; making that row
 * also ends every lease (the jobs return as interrupted). A worker pins the epoch
 * whenever its beat connects, before it registers or claims: fences are only handed
 * out by claims, so nobody else needs to. db_origin_read tells what it connected to,
 * and a worker whose origin changed drops what it holds.
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
	bool fresh; /* this call made it: all leases have just ended */
};
typedef void epoch_pin_done(void *ctx, enum err e, const struct epoch *epoch);
/* Idempotent. */
MUST_CHECK enum err epoch_pin(struct db *db, epoch_pin_done *done, void *ctx);

#endif
