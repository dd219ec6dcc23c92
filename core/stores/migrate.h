/* migrate.h - bringing the record's schema up to this program's version.
 *
 * The files of migrations/ travel inside the program (ops/dev/embed-migrations).
 * Each runs in a transaction together with its row in schema_migration (name,
 * SHA-256, when). An advisory lock makes two at once safe: the second waits and
 * then finds nothing to do. A file that was applied and has changed since is
 * refused, as is a database that knows files which this program does not.
 *
 * Blocking; the owner's connection, opened with no loop and plan_freely.
 * Threads: the connection's.  Memory: static. */
#ifndef STORES_MIGRATE_H
#define STORES_MIGRATE_H

#include "ports/db.h"

struct migration {
	const char *name; /* 0001_create_record.sql */
	const char *sql;
};
/* Ends with a NULL name; generated. */
extern const struct migration migrations[];

/* Told for each file in order: applied now, or there already. */
typedef void migrate_told(void *ctx, const char *name, bool applied);

/* Applies what is missing, then makes partitions ahead.
 *   ERR_OK
 *   ERR_CONFLICT  an applied file has changed, or the database is newer: db_fault-like words in
 * fault ERR_DB        refused or away; fault says what Postgres said ERR_DB_DATA   a file is wrong
 */
enum { MIGRATE_FAULT_MAX = 400 };
MUST_CHECK enum err migrate_run(
	struct db *db, migrate_told *told, void *ctx, char fault[MIGRATE_FAULT_MAX]);

/* Sets the program roles' passwords to what the passfile says for them (any host, port, database;
 * first matching line). Roles without a line keep theirs. The passwords travel hashed (SCRAM), so
 * that no log of statements can hold them.
 *   ERR_CONFIG  the file cannot be read      ERR_DB */
MUST_CHECK enum err migrate_passwords(
	struct db *db, const char *passfile, char fault[MIGRATE_FAULT_MAX]);

/* What is missing or unknown, without changing anything: ERR_OK with *ret_missing files to apply,
 * each of which is told in order, once nothing stands against applying them; told may be NULL. */
MUST_CHECK enum err migrate_check(struct db *db, migrate_told *told, void *ctx, size_t *ret_missing,
	char fault[MIGRATE_FAULT_MAX]);

#endif
