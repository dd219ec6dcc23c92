#include "ports/db.h"
#include "ground/clock.h"
#include "ports/db_inside.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	CONNECT_MS = 3000,
	RETRY_MOST_MS = 2000,
	STATEMENT_MS = 10000,
	BEYOND_MS = 5000,
	QUEUED_MAX = 64
};

static const struct db_stmt scope = {
	.name = "tenants", .sql = "select set_config('app.tenants', $1, true)", .reads = true};

/* What every session is started with; see the header for why it plans so narrowly. */
static char *settings_new(const struct db_options *o, int64_t statement_ms)
{
	static const char narrow[] =
		" -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c "
		"enable_hashjoin=off"
		" -c enable_mergejoin=off -c enable_bitmapscan=off -c enable_memoize=off";
	char *text = NULL;

	if (asprintf(&text,
		    "-c jit=off -c timezone=UTC -c synchronous_commit=on -c statement_timeout=%lld"
		    " -c idle_in_transaction_session_timeout=%lld%s",
		    (long long)statement_ms, (long long)statement_ms,
		    o->plan_freely ? "" : narrow) < 0)
		return NULL;
	return text;
}

static bool text_copy(const char *from, char **ret_to)
{
	if (from == NULL)
		return true;
	*ret_to = strdup(from);
	return *ret_to != NULL;
}

static enum err options_copy(struct db *db, const struct db_options *o)
{
	int64_t statement_ms = o->statement_ms > 0 ? o->statement_ms : STATEMENT_MS;

	db->connect_ms = o->connect_ms > 0 ? o->connect_ms : CONNECT_MS;
	db->retry_most_ms = o->retry_most_ms > 0 ? o->retry_most_ms : RETRY_MOST_MS;
	db->transaction_ms = o->transaction_ms > 0 ? o->transaction_ms : statement_ms + BEYOND_MS;
	db->queued_max = o->queued_max > 0 ? o->queued_max : QUEUED_MAX;
	db->on_change = o->on_change;
	db->owner = o->owner;
	snprintf(db->tcp_ms, sizeof(db->tcp_ms), "%d",
		(int)(o->silence_ms > 0 ? o->silence_ms : db->transaction_ms));
	db->settings = settings_new(o, statement_ms);
	if (db->settings == NULL || !text_copy(o->conninfo, &db->conninfo) ||
		!text_copy(o->user, &db->user) || !text_copy(o->passfile, &db->passfile) ||
		!text_copy(o->application, &db->application))
		return ERR_NOMEM;
	return ERR_OK;
}

static bool conninfo_parses(const char *conninfo)
{
	PQconninfoOption *parsed = PQconninfoParse(conninfo, NULL);

	PQconninfoFree(parsed);
	return parsed != NULL;
}

enum err db_open(struct loop *loop, const struct db_options *options, struct db **ret_db)
{
	enum err e = ERR_NOMEM;
	struct db *db = NULL;

	if (!conninfo_parses(options->conninfo))
		return ERR_CONFIG;
	db = calloc(1, sizeof(*db));
	if (db == NULL)
		goto out;
	db->loop = loop;
	db->tail = &db->head;
	e = options_copy(db, options);
	if (e != ERR_OK)
		goto out;
	if (loop != NULL) {
		db_link_watch(db);
		if (db->timer == NULL) {
			e = ERR_NOMEM;
			goto out;
		}
	}
	*ret_db = db;
	db = NULL;
out:
	if (db != NULL)
		db_free(db);
	return e;
}

bool db_may_free(struct db *db)
{
	return db->closing && db->depth == 0;
}

void db_free(struct db *db)
{
	loop_timer_free(db->timer);
	db_flight_free(db->building);
	free(db->conninfo);
	free(db->user);
	free(db->passfile);
	free(db->application);
	free(db->settings);
	free(db);
}

void db_close(struct db *db)
{
	if (db == NULL || db->closing)
		return;
	db->closing = true;
	if (db->pg != NULL)
		db_link_cut(db, "closed");
	if (db->timer != NULL)
		loop_timer_stop(db->timer);
	if (db_may_free(db))
		db_free(db);
}

bool db_is_up(const struct db *db)
{
	return db->state == DB_UP && !db->broken;
}

size_t db_pending(const struct db *db)
{
	return db->pending;
}

const char *db_fault(const struct db *db)
{
	return db->fault;
}

void db_origin_read(const struct db *db, struct db_origin *ret_origin)
{
	*ret_origin = db->origin;
}

bool db_origin_equal(const struct db_origin *a, const struct db_origin *b)
{
	return a->system_identifier == b->system_identifier && a->timeline == b->timeline;
}

bool db_origin_moved(const struct db *db, struct db_origin *known)
{
	const bool moved = known->system_identifier && !db_origin_equal(known, &db->origin);

	*known = db->origin;
	return moved;
}

/* ---- a transaction ---- */

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct id));
}

/* Each tenant once: row security looks through the list for every row. */
static enum err scope_text(const struct id *tenants, size_t n, struct buf *out)
{
	struct id *sorted = malloc(n * sizeof(*sorted));
	char text[ID_UUID_MAX];
	size_t i;

	if (sorted == NULL)
		return ERR_NOMEM;
	memcpy(sorted, tenants, n * sizeof(*sorted));
	qsort(sorted, n, sizeof(*sorted), by_id);
	for (i = 0; i < n; i++) {
		if (i > 0 && id_equal(sorted[i], sorted[i - 1]))
			continue;
		id_uuid(sorted[i], text);
		if (out->len > 0)
			(void)buf_char(out, ',');
		(void)buf_text(out, text);
	}
	free(sorted);
	return buf_err(out);
}

static enum err scope_add(struct db *db, const struct id *tenants, size_t n)
{
	struct db_args args;
	struct buf text;
	enum err e;

	buf_init(&text, (n + 1) * ID_UUID_MAX);
	e = scope_text(tenants, n, &text);
	if (e == ERR_OK) {
		db_args_init(&args);
		db_arg_text(&args, text.bytes);
		db->building->scoped = true;
		db_query(db, &scope, &args);
	}
	buf_clear(&text);
	return e;
}

enum err db_begin(struct db *db, const struct id *tenants, size_t n)
{
	enum err e = ERR_OK;

	if (!db_is_up(db) || db->closing)
		return ERR_DB;
	if (db->pending >= db->queued_max)
		return ERR_UNAVAILABLE;
	if (db->building != NULL)
		return ERR_INTERNAL;
	db->building = calloc(1, sizeof(*db->building));
	if (db->building == NULL)
		return ERR_NOMEM;
	db->building->reads = true;
	if (n > 0)
		e = scope_add(db, tenants, n);
	if (e != ERR_OK)
		db_abandon(db);
	return e;
}

static struct db_step *step_new(struct db_flight *f)
{
	struct db_step *steps;

	if (f->n == DB_STEPS_MAX)
		return NULL;
	if (f->n == f->room) {
		steps = realloc(f->steps, (f->room + 2) * sizeof(*steps));
		if (steps == NULL)
			return NULL;
		f->steps = steps;
		f->room += 2;
	}
	return &f->steps[f->n++];
}

void db_query(struct db *db, const struct db_stmt *stmt, struct db_args *args)
{
	struct db_flight *f = db->building;
	struct db_step *step = step_new(f);

	if (step == NULL) {
		f->err = ERR_NOMEM;
		db_args_clear(args);
		return;
	}
	step->stmt = stmt;
	if (args != NULL) {
		step->args = *args;
		db_args_init(args);
	} else {
		db_args_init(&step->args);
	}
	if (f->err == ERR_OK)
		f->err = buf_err(&step->args.bytes);
	f->reads = f->reads && stmt->reads;
}

void db_commit(struct db *db, db_done_fn *on_done, void *ctx)
{
	struct db_flight *f = db->building;

	db->building = NULL;
	f->on_done = on_done;
	f->ctx = ctx;
	f->deadline_ms = clock_ms() + db->transaction_ms;
	db_flight_send(db, f);
	db_link_watch(db);
}

void db_abandon(struct db *db)
{
	db_flight_free(db->building);
	db->building = NULL;
}

/* ---- migrations only ---- */

static enum err script_end(struct db *db, int64_t end_ms)
{
	struct pollfd p = {.fd = PQsocket(db->pg), .events = POLLIN};
	enum err e = ERR_OK;
	PGresult *r;

	while (PQflush(db->pg) == 1)
		(void)poll(&(struct pollfd){.fd = p.fd, .events = POLLOUT}, 1, 100);
	for (;;) {
		while (PQisBusy(db->pg)) {
			if (clock_ms() >= end_ms || PQconsumeInput(db->pg) != 1)
				return ERR_DB;
			(void)poll(&p, 1, 100);
		}
		r = PQgetResult(db->pg);
		if (r == NULL)
			return e;
		if (PQresultStatus(r) == PGRES_FATAL_ERROR) {
			db_fault_note(db, PQresultErrorMessage(r));
			e = ERR_DB_DATA;
		}
		PQclear(r);
	}
}

enum err db_script(struct db *db, const char *sql, int64_t deadline_ms)
{
	enum err e = ERR_DB;

	if (!db_is_up(db) || db->loop != NULL || db->pending > 0 || PQexitPipelineMode(db->pg) != 1)
		return ERR_DB;
	if (PQsendQuery(db->pg, sql) == 1)
		e = script_end(db, clock_ms() + deadline_ms);
	if (e == ERR_DB || PQenterPipelineMode(db->pg) != 1)
		db_link_cut(db, e == ERR_DB ? PQerrorMessage(db->pg) : NULL);
	return e;
}

enum err db_password(struct db *db, const char *role, const char *password)
{
	char *sql = NULL, *hashed = NULL;
	enum err e = ERR_NOMEM;

	if (!db_is_up(db))
		return ERR_DB;
	hashed = PQencryptPasswordConn(db->pg, password, role, "scram-sha-256");
	if (hashed == NULL || asprintf(&sql, "alter role \"%s\" password '%s'", role, hashed) < 0)
		goto out;
	e = db_script(db, sql, CONNECT_MS);
out:
	free(sql);
	PQfreemem(hashed);
	return e;
}
