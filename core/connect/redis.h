/* redis.h - the section `redis` as a connection.
 *
 * Threads: the loop's.  Memory: the password is read, copied by the connection and
 * wiped here; the connection is the caller's. */
#ifndef CONNECT_REDIS_H
#define CONNECT_REDIS_H

#include "config/config.h"
#include "ground/buf.h"
#include "ports/scratch.h"

/* Opens a connection to redis.limits_url, which must be set. Of hooks only on_change, on_message
 * and owner are read. A server that lets nobody in is logged here.
 *   ERR_CONFIG, or as secret_read: why has a sentence     ERR_NOMEM */
MUST_CHECK enum err redis_open(const struct config *config, struct loop *loop,
	const struct scratch_options *hooks, struct buf *why, struct scratch **ret_scratch);

#endif
