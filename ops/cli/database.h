/* database.h - the database itself, as its owner: for migrate and bootstrap.
 *
 * Everything else goes through the API and its rights.
 *
 * Threads: one, blocking.  Memory: the database holds its configuration and connection. */
#ifndef CLI_DATABASE_H
#define CLI_DATABASE_H

#include "call.h"

#include "config/config.h"
#include "ports/db.h"

struct database {
	struct config *config;
	struct db *db;
};

/* Said by migrate and by check-config. */
#define OWNER_POOLED                                                                     \
	"a connection pooler stands between: a dead worker is known by its lease alone " \
	"(about 10 s instead of 3)"

/* A migration may rewrite a table: its statements have long. */
enum { DATABASE_WAIT_MS = 15000, OWNER_STATEMENT_MS = 600000 };

/* The configuration that named (NULL: LONGHAUL_CONFIG) leads to; all that is wrong with it was
 * said. */
enum outcome database_config(
	const struct call *call, const char *named, struct config **ret_config);
/* Reads the configuration and connects. database_close is due whatever the outcome. */
enum outcome database_open(const struct call *call, const char *named, struct database *ret);
void database_close(struct database *database);
/* Says what Postgres said. */
enum outcome database_fail(const struct call *call, const struct database *database, enum err e);

#endif
