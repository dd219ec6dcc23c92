/* postgres.h - the section `database` as the options of a connection.
 *
 * Every program connects as a role of its own with rights of its own; all else is
 * said once, in the section. What a program wants otherwise (its statements' time,
 * a callback) it sets in what it gets.
 *
 * Threads: any.  Memory: the texts are the configuration's; db_open copies them. */
#ifndef CONNECT_POSTGRES_H
#define CONNECT_POSTGRES_H

#include "config/config.h"
#include "ports/db.h"

/* user: "longhaul_worker", ...; application is shown in pg_stat_activity. */
struct db_options postgres_options(
	const struct config *config, const char *user, const char *application);

#endif
