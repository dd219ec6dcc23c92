/* db.h - Postgres, one connection, always pipelined (libpq lives behind this).
 *
 * A unit of work is a transaction, and a transaction is one pipeline segment:
 * db_begin, some db_query, db_commit. Nothing waits for a round trip in between;
 * the segment is Postgres' implicit transaction and its outcome is known when
 * the Sync is answered. Several transactions may be under way at once; they end
 * in order. Statements are static rows {name, sql}, prepared once per connection
 * in a segment of their own, so that a failing transaction never unprepares one.
 *
 * Every session plans generically and only by index (no sequential scan, hash or
 * merge join): a plan cached while a table was empty must still be right when
 * ten thousand rows arrive at once. Statements are written for that; see
 * core/stores.
 *
 * Two drivers. With a loop, callbacks run from the loop and it reconnects by
 * itself. Without one, a thread calls db_wait (or db_turn), and callbacks run
 * inside that call. While the connection is away db_begin refuses at once with
 * ERR_DB: the caller keeps what it holds and tries again.
 *
 * Deadlines: connect, each statement (server side), each transaction (client
 * side: the connection is cut), idle in transaction, and TCP's user time-out.
 *
 * Threads: one owner.  Memory: arguments are copied or taken by db_query; a
 * reply lives until the callback that got it returns. */
#ifndef PORTS_DB_H
#define PORTS_DB_H

#include "ground/err.h"
#include "ground/id.h"
#include "ports/db_args.h"
#include "ports/db_rows.h"
#include "ports/loop.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;

/* up: transactions are taken from now on; !up: all under way have ended with an error. */
typedef void db_change_fn(void *owner, bool up);

struct db_options {
	const char *conninfo;	 /* libpq: "host=.. port=.. dbname=.."; copied */
	const char *user;	 /* NULL: as conninfo says */
	const char *passfile;	 /* NULL: libpq's own default */
	const char *application; /* shown in pg_stat_activity */
	int64_t connect_ms;	 /* 0 = 3000 */
	int64_t retry_most_ms;	 /* longest pause between tries to connect; 0 = 2000 */
	int64_t statement_ms;	 /* server side; 0 = 10000 */
	/* client side, then the connection is cut; 0 = statement_ms + 5000 */
	int64_t transaction_ms;
	int64_t silence_ms;	 /* TCP: sent and not acknowledged; 0 = transaction_ms */
	size_t queued_max;	 /* transactions under way; 0 = 64 */
	bool plan_freely;	 /* maintenance: leave the planner its joins and scans */
	db_change_fn *on_change; /* may be NULL */
	void *owner;
};

/* Starts connecting and returns at once. loop may be NULL (then drive with db_wait).
 *   ERR_CONFIG  conninfo does not parse      ERR_NOMEM */
MUST_CHECK enum err db_open(
	struct loop *loop, const struct db_options *options, struct db **ret_db);
/* Ends what is under way (callbacks run now, ERR_DB or ERR_DB_UNKNOWN), disconnects. NULL is fine.
 */
void db_close(struct db *db);
bool db_is_up(const struct db *db);
/* Transactions begun and not yet ended. */
size_t db_pending(const struct db *db);
/* Server's words on the last failure, cut to one line, without values; "" at first. For logs. */
const char *db_fault(const struct db *db);

/* Which Postgres this is, told at connect. A promotion changes the timeline, a restore in another
 * cluster both. A standby is not connected to: it cannot be written to, and would be the same
 * session when it is promoted. Nor is a server on a timeline before the last one's: it is a former
 * primary that came back. */
struct db_origin {
	uint64_t system_identifier;
	uint32_t timeline;
	int32_t backend_pid;
	bool pooled; /* a pooler stands between: session locks tell nothing */
};
void db_origin_read(const struct db *db, struct db_origin *ret_origin);
/* The same server on the same timeline? */
bool db_origin_equal(const struct db_origin *a, const struct db_origin *b);
/* Is it another history than known, which takes what it is now? A zero one is no other. */
bool db_origin_moved(const struct db *db, struct db_origin *known);

/* Blocking driver: connects when needed and runs until nothing is pending.
 *   ERR_OK  nothing is pending     ERR_DB  not connected, or the deadline passed (then it is cut)
 */
MUST_CHECK enum err db_wait(struct db *db, int64_t deadline_ms);
/* One round of waiting for the socket, at most timeout_ms; for threads that keep several batches
 * under way. ERR_DB when not connected after it. */
MUST_CHECK enum err db_turn(struct db *db, int64_t timeout_ms);

/* ---- a transaction ---- */

/* A read-only statement says so: a transaction of nothing but reads never ends ERR_DB_UNKNOWN. */
struct db_stmt {
	const char *name; /* unique among all statements */
	const char *sql;
	bool reads;
};

/* Starts a transaction. tenants (n > 0) become app.tenants, what row security lets it see;
 * with n = 0 no tenant's rows are visible.
 *   ERR_OK           add queries, then db_commit, without returning to the loop
 *   ERR_DB           not connected        ERR_UNAVAILABLE  queued_max are under way
 *   ERR_NOMEM                             in all three nothing was begun */
MUST_CHECK enum err db_begin(struct db *db, const struct id *tenants, size_t n);
/* Adds a statement; takes args' memory (it is empty again, NULL when there are none). A failure
 * is remembered and told by db_commit's callback. Replies are numbered from 0 in this order. */
void db_query(struct db *db, const struct db_stmt *stmt, struct db_args *args);

/* Called exactly once for each db_commit, never from inside it.
 *   ERR_OK          committed; reply holds each statement's rows
 *   ERR_DB_DATA     refused for a value in it (class 22, 23): halve the batch
 *   ERR_DB          not committed: refused, timed out, deadlock, connection lost before the Sync
 *   ERR_DB_UNKNOWN  the connection was lost after the Sync was sent: settle by reading
 *   ERR_NOMEM       nothing was sent
 * reply is NULL unless ERR_OK. */
typedef void db_done_fn(void *ctx, enum err e, const struct db_reply *reply);
void db_commit(struct db *db, db_done_fn *on_done, void *ctx);
/* Drops the transaction that was begun; nothing is sent. */
void db_abandon(struct db *db);

/* ---- migrations only ---- */

/* Runs SQL text of several statements as one simple query, blocking. Only without a loop and with
 * nothing pending. Its words on failure: db_fault. */
MUST_CHECK enum err db_script(struct db *db, const char *sql, int64_t deadline_ms);

/* Sets a role's password; it travels hashed (SCRAM), never as it is. As db_script. */
MUST_CHECK enum err db_password(struct db *db, const char *role, const char *password);

#endif
