/* durability.h - what "committed" means on this database, by its own settings.
 *
 * Nothing acknowledged is lost over a restart when fsync and synchronous_commit
 * are on, and over a fail-over only when commits also wait for a synchronous
 * standby. Whoever promises must say which of these is in force.
 *
 * Threads: the connection's.  Memory: texts die with the callback. */
#ifndef STORES_DURABILITY_H
#define STORES_DURABILITY_H

#include "ports/db.h"

struct durability {
	bool fsync, full_page_writes;
	bool synchronous_commit; /* on, remote_write or remote_apply */
	const char *standbys;	 /* synchronous_standby_names; "" = none is waited for */
	const char *version;	 /* server_version */
};
typedef void durability_done(void *ctx, enum err e, const struct durability *durability);
/* Any role. */
MUST_CHECK enum err durability_read(struct db *db, durability_done *done, void *ctx);

#endif
