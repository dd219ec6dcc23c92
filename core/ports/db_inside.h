/* db_inside.h - what the files of the db port share, and nobody else includes.
 *
 * A connection is a link (away, connecting, greeting, up) and a line of flights:
 * pipeline segments in the order in which they were sent. A flight is either one
 * Parse, or a transaction. Results come in the same order, so the head of the
 * line is always the one that the next result belongs to.
 *
 * Threads: the connection's owner.
 * Memory: a flight belongs to the line, from db_commit until it ended; its rows to
 * its callback. Callbacks may close a connection that a loop drives: depth counts
 * those on the stack, and the loop's handlers free it at 0 (db_may_free, db_free).
 * Bounds: queued_max transactions, DB_STEPS_MAX statements in each, DB_PREPARED_MAX
 * prepared. */
#ifndef PORTS_DB_INSIDE_H
#define PORTS_DB_INSIDE_H

#include "ports/db.h"

#include <libpq-fe.h>

enum db_state { DB_AWAY, DB_CONNECTING, DB_HELLO, DB_UP };
enum { DB_FAULT_MAX = 200, DB_PREPARED_MAX = 1024, DB_STEPS_MAX = 16 };

struct db_rows {
	PGresult *pg; /* NULL until it came */
};

struct db_step {
	const struct db_stmt *stmt;
	struct db_args args;
};

struct db_reply {
	size_t n;
	struct db_rows rows[DB_STEPS_MAX];
};

struct db_flight {
	struct db_flight *next;
	const struct db_stmt *parse; /* a Parse alone; else a transaction */
	struct db_step *steps;
	size_t n, room;
	bool scoped; /* steps[0] sets app.tenants, its rows are not told */
	size_t seen; /* results that came */
	struct db_reply reply;
	enum err err;
	bool reads, sent;
	int64_t deadline_ms;
	db_done_fn *on_done;
	void *ctx;
};

struct db {
	struct loop *loop;
	struct loop_io *io;
	struct loop_timer *timer;
	PGconn *pg;
	enum db_state state;
	bool broken; /* cut it at the next chance */
	bool closing;
	int depth;	  /* callbacks under way: free later */
	int failures;	  /* connects that failed in a row */
	int cuts;	  /* connections lost or refused, ever */
	int64_t try_ms;	  /* AWAY: when to connect; else: when to give up connecting */
	int64_t hello_us; /* when the greeting was sent */
	bool want_write;

	char *conninfo, *user, *passfile, *application, *settings, tcp_ms[16];
	int64_t connect_ms, transaction_ms, retry_most_ms;
	size_t queued_max;
	db_change_fn *on_change;
	void *owner;

	struct db_origin origin;
	char fault[DB_FAULT_MAX];
	const struct db_stmt *prepared[DB_PREPARED_MAX]; /* hash by address */
	struct db_flight *building, *head, **tail;
	size_t pending; /* transactions in the line */
};

/* db_flight.c */
void db_flight_free(struct db_flight *f);
/* Puts a finished transaction into the pipeline; marks the link broken when that fails. */
void db_flight_send(struct db *db, struct db_flight *f);
/* Takes whatever has arrived; ends flights. */
void db_flights_read(struct db *db);
/* Ends all flights: the connection is gone. */
void db_flights_end(struct db *db);
/* Greets: clock and origin. */
void db_hello(struct db *db);
void db_fault_note(struct db *db, const char *text);

/* db_link.c */
void db_link_step(struct db *db); /* whatever is due: connect, time-outs, cut */
void db_link_cut(struct db *db, const char *why);
void db_link_up(struct db *db);
/* Fits the loop's interest and timer to the state. */
void db_link_watch(struct db *db);
bool db_may_free(struct db *db);
void db_free(struct db *db);

#endif
