#include "ground/clock.h"
#include "ground/digest.h"
#include "ports/db_inside.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

enum { RETRY_LEAST_MS = 100 };

/* Doubles from 0.1 s to the most, then anything between half of that and all of it. */
static int64_t retry_ms(const struct db *db)
{
	int64_t most = RETRY_LEAST_MS << (db->failures < 5 ? db->failures : 5);
	uint32_t chance;

	if (most > db->retry_most_ms)
		most = db->retry_most_ms;
	digest_random(&chance, sizeof(chance));
	return most / 2 + chance % (most / 2 + 1);
}

void db_link_cut(struct db *db, const char *why)
{
	bool was_up = db->state == DB_UP;

	if (why != NULL)
		db_fault_note(db, why);
	loop_io_free(db->io);
	db->io = NULL;
	db->state = DB_AWAY;
	db->broken = false;
	db->cuts++;
	db->try_ms = clock_ms() + retry_ms(db);
	db->failures++;
	memset(db->prepared, 0, sizeof(db->prepared));
	db->depth++;
	db_flights_end(db);
	PQfinish(db->pg);
	db->pg = NULL;
	if (was_up && db->on_change != NULL && !db->closing)
		db->on_change(db->owner, false);
	db->depth--;
}

void db_link_up(struct db *db)
{
	db->state = DB_UP;
	db->failures = 0;
	db->depth++;
	if (db->on_change != NULL)
		db->on_change(db->owner, true);
	db->depth--;
}

/* Errors come as results; what the server merely says would land on standard error. */
static void notice_drop(void *arg, const PGresult *r)
{
	(void)arg;
	(void)r;
}

static void connect_start(struct db *db)
{
	const char *const words[] = {"dbname", "user", "passfile", "application_name", "options",
		"tcp_user_timeout", "keepalives_idle", "keepalives_interval", "keepalives_count",
		"client_encoding", NULL};
	const char *const values[] = {db->conninfo, db->user, db->passfile, db->application,
		db->settings, db->tcp_ms, "5", "2", "3", "UTF8", NULL};

	db->pg = PQconnectStartParams(words, values, 1);
	db->try_ms = clock_ms() + db->connect_ms;
	db->state = DB_CONNECTING;
	if (db->pg == NULL)
		db_link_cut(db, "out of memory");
	else if (PQstatus(db->pg) == CONNECTION_BAD)
		db_link_cut(db, PQerrorMessage(db->pg));
	else
		db->want_write = true;
	if (db->pg != NULL)
		(void)PQsetNoticeReceiver(db->pg, notice_drop, NULL);
}

static void connect_done(struct db *db)
{
	if (PQsetnonblocking(db->pg, 1) != 0 || PQenterPipelineMode(db->pg) != 1) {
		db_link_cut(db, PQerrorMessage(db->pg));
		return;
	}
	db->state = DB_HELLO;
	db_hello(db);
}

static void connect_step(struct db *db)
{
	/* libpq may replace the socket: the loop must not hold the old one. */
	loop_io_free(db->io);
	db->io = NULL;
	switch (PQconnectPoll(db->pg)) {
	case PGRES_POLLING_OK:
		connect_done(db);
		break;
	case PGRES_POLLING_READING:
		db->want_write = false;
		break;
	case PGRES_POLLING_WRITING:
		db->want_write = true;
		break;
	default:
		db_link_cut(db, PQerrorMessage(db->pg));
	}
}

/* When something must happen without news from the socket. */
static int64_t next_ms(const struct db *db)
{
	if (db->broken)
		return 0;
	if (db->state != DB_UP)
		return db->try_ms;
	if (db->head == NULL)
		return INT64_MAX;
	return db->head->sent ? db->head->deadline_ms : 0;
}

void db_link_step(struct db *db)
{
	if (db->broken) {
		db_link_cut(db, NULL);
	} else if (db->state == DB_AWAY) {
		if (clock_ms() >= db->try_ms)
			connect_start(db);
	} else if (db->state != DB_UP) {
		if (clock_ms() >= db->try_ms)
			db_link_cut(db, "no connection in time");
	} else if (db->head != NULL && !db->head->sent) {
		db_flights_read(db);
	} else if (db->head != NULL && clock_ms() >= db->head->deadline_ms) {
		db_link_cut(db, "a transaction took too long");
	}
}

static void socket_step(struct db *db)
{
	if (db->state == DB_CONNECTING) {
		connect_step(db);
		return;
	}
	if (db->pg != NULL && PQflush(db->pg) < 0)
		db_link_cut(db, PQerrorMessage(db->pg));
	if (db->pg != NULL)
		db_flights_read(db);
}

static void on_socket(void *owner, int events)
{
	struct db *db = owner;

	(void)events;
	socket_step(db);
	if (db_may_free(db))
		db_free(db);
	else
		db_link_watch(db);
}

static void on_timer(void *owner)
{
	struct db *db = owner;

	db_link_step(db);
	if (db_may_free(db))
		db_free(db);
	else
		db_link_watch(db);
}

static int wanted(struct db *db)
{
	if (db->state == DB_CONNECTING)
		return db->want_write ? LOOP_WRITE : LOOP_READ;
	return PQflush(db->pg) > 0 ? LOOP_READ | LOOP_WRITE : LOOP_READ;
}

void db_link_watch(struct db *db)
{
	int64_t at;

	if (db->loop == NULL || db->depth > 0)
		return;
	if (db->timer == NULL && loop_timer_new(db->loop, on_timer, db, &db->timer) != ERR_OK)
		return;
	if (db->pg != NULL && db->io == NULL && PQsocket(db->pg) >= 0 &&
		loop_io_new(db->loop, PQsocket(db->pg), on_socket, db, &db->io) != ERR_OK)
		db->broken = true;
	if (db->io != NULL)
		loop_io_want(db->io, wanted(db));
	at = next_ms(db);
	if (at == INT64_MAX) {
		loop_timer_stop(db->timer);
	} else {
		at -= clock_ms();
		loop_timer_start(db->timer, at > 0 ? at : 0);
	}
}

/* ---- driven by a thread ---- */

static void poll_once(struct db *db, int64_t timeout_ms)
{
	struct pollfd p = {.fd = -1};
	int64_t until = next_ms(db);
	int want;

	if (until != INT64_MAX && until - clock_ms() < timeout_ms)
		timeout_ms = until > clock_ms() ? until - clock_ms() : 0;
	if (db->pg != NULL) {
		want = wanted(db);
		p.fd = PQsocket(db->pg);
		p.events = (short)((want & LOOP_READ ? POLLIN : 0) |
				   (want & LOOP_WRITE ? POLLOUT : 0));
	}
	if (poll(&p, 1, (int)timeout_ms) > 0)
		socket_step(db);
	db_link_step(db);
}

enum err db_turn(struct db *db, int64_t timeout_ms)
{
	if (db->loop != NULL)
		return ERR_INTERNAL;
	db->depth++;
	db_link_step(db);
	poll_once(db, timeout_ms > 0 ? timeout_ms : 0);
	db->depth--;
	return db->state == DB_UP ? ERR_OK : ERR_DB;
}

enum err db_wait(struct db *db, int64_t deadline_ms)
{
	int64_t end = clock_ms() + deadline_ms;
	int cuts = db->cuts;

	if (db->loop != NULL)
		return ERR_INTERNAL;
	while (db->state != DB_UP || db->pending > 0) {
		if (clock_ms() >= end) {
			if (db->pending > 0)
				db_link_cut(db, "a wait took too long");
			return ERR_DB;
		}
		/* It went away, or a try to connect failed: db_fault tells. */
		if (db_turn(db, end - clock_ms()) != ERR_OK && db->cuts != cuts)
			return ERR_DB;
	}
	return ERR_OK;
}
