/* finish_sql.h - the statements that end attempts and book what they used. For finish.c only.
 *
 * Threads: constants. */
#ifndef STORES_FINISH_SQL_H
#define STORES_FINISH_SQL_H

#include "ports/db.h"

extern const struct db_stmt finish_stmt, finish_runs_stmt, finish_settle_stmt, finish_usage_stmt;

#endif
