/* owner.h - the database itself, as its owner: for migrate and bootstrap.
 *
 * Everything else goes through the API and its rights.
 *
 * Threads: one, blocking.  Memory: the owner holds its configuration and connection. */
#ifndef CLI_OWNER_H
#define CLI_OWNER_H

#include "command.h"

#include "config/config.h"
#include "ports/db.h"

struct owner {
	struct config *config;
	struct db *db;
};

/* Said by migrate and by check-config. */
#define OWNER_POOLED                                                                     \
	"a connection pooler stands between: a dead worker is known by its lease alone " \
	"(about 10 s instead of 3)"

/* A migration may rewrite a table: its statements have long. */
enum { OWNER_WAIT_MS = 15000, OWNER_STATEMENT_MS = 600000 };

/* The configuration that named (NULL: LONGHAUL_CONFIG) leads to; all that is wrong with it was
 * said. */
enum outcome owner_config(const struct call *call, const char *named, struct config **ret_config);
/* Reads the configuration and connects. owner_close is due whatever the outcome. */
enum outcome owner_open(const struct call *call, const char *named, struct owner *ret);
void owner_close(struct owner *owner);
/* Says what Postgres said. */
enum outcome owner_fail(const struct call *call, const struct owner *owner, enum err e);

#endif
