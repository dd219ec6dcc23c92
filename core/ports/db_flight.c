#include "ground/clock.h"
#include "ports/db_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char hello_sql[] =
	"select floor(extract(epoch from clock_timestamp()) * 1000)::int8,"
	" (select system_identifier from pg_control_system()),"
	" case when pg_is_in_recovery() then 0 else"
	" ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int end,"
	" pg_backend_pid()";

void db_flight_free(struct db_flight *f)
{
	size_t i;

	if (f == NULL)
		return;
	for (i = 0; i < f->n; i++)
		db_args_clear(&f->steps[i].args);
	for (i = 0; i < DB_STEPS_MAX; i++)
		PQclear(f->reply.rows[i].pg);
	free(f->steps);
	free(f);
}

void db_fault_note(struct db *db, const char *text)
{
	snprintf(db->fault, sizeof(db->fault), "%s", text);
	db->fault[strcspn(db->fault, "\n")] = '\0';
}

/* Postgres' words may quote the value that it refused: those keep only their code and place. */
static void fault_of(struct db *db, const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);
	const char *words = PQresultErrorField(r, PG_DIAG_MESSAGE_PRIMARY);
	const char *table = PQresultErrorField(r, PG_DIAG_TABLE_NAME);
	const char *rule = PQresultErrorField(r, PG_DIAG_CONSTRAINT_NAME);

	if (state == NULL || strcmp(state, "26000") == 0)
		return; /* follows from a Parse that failed: that one's words tell more */
	if (state[0] == '2' && (state[1] == '2' || state[1] == '3'))
		snprintf(db->fault, sizeof(db->fault), "SQLSTATE %s %s %s", state,
			table != NULL ? table : "", rule != NULL ? rule : "");
	else
		snprintf(db->fault, sizeof(db->fault), "SQLSTATE %s %s", state,
			words != NULL ? words : "");
}

static enum err err_of(const PGresult *r)
{
	const char *state = PQresultErrorField(r, PG_DIAG_SQLSTATE);

	if (state != NULL && (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0))
		return ERR_DB_DATA;
	return ERR_DB;
}

/* The session is being ended. That may have come between a commit and its acknowledgement, so it
 * decides nothing about the transaction. */
static bool is_farewell(const PGresult *r)
{
	const char *severity = PQresultErrorField(r, PG_DIAG_SEVERITY_NONLOCALIZED);

	return severity == NULL || strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0;
}

static void line_add(struct db *db, struct db_flight *f)
{
	f->next = NULL;
	*db->tail = f;
	db->tail = &f->next;
	if (f->parse == NULL)
		db->pending++;
}

static size_t prepared_slot(const struct db *db, const struct db_stmt *stmt)
{
	size_t at = ((uintptr_t)stmt >> 4) % DB_PREPARED_MAX;

	while (db->prepared[at] != NULL && db->prepared[at] != stmt)
		at = (at + 1) % DB_PREPARED_MAX;
	return at;
}

/* A Parse of its own segment: no transaction's failure can skip it. */
static bool parse_send(struct db *db, const struct db_step *step)
{
	size_t slot = prepared_slot(db, step->stmt);
	struct db_flight *f;
	Oid types[DB_ARGS_MAX];
	size_t i;

	if (db->prepared[slot] == step->stmt)
		return true;
	f = calloc(1, sizeof(*f));
	if (f == NULL)
		return false;
	f->parse = step->stmt;
	f->deadline_ms = clock_ms() + db->transaction_ms;
	f->sent = true;
	for (i = 0; i < step->args.n; i++)
		types[i] = step->args.arg[i].type;
	line_add(db, f);
	db->prepared[slot] = step->stmt;
	return PQsendPrepare(db->pg, step->stmt->name, step->stmt->sql, (int)step->args.n, types) ==
		       1 &&
	       PQpipelineSync(db->pg) == 1;
}

static bool step_send(struct db *db, const struct db_step *step)
{
	const char *values[DB_ARGS_MAX];
	int lengths[DB_ARGS_MAX], formats[DB_ARGS_MAX];
	const struct db_args *a = &step->args;
	size_t i;

	for (i = 0; i < a->n; i++) {
		/* An empty text has no memory of its own: any pointer but NULL says "not null". */
		values[i] = a->arg[i].null   ? NULL
			    : a->bytes.bytes ? a->bytes.bytes + a->arg[i].at
					     : "";
		lengths[i] = (int)a->arg[i].len;
		formats[i] = 1;
	}
	return PQsendQueryPrepared(
		       db->pg, step->stmt->name, (int)a->n, values, lengths, formats, 1) == 1;
}

void db_flight_send(struct db *db, struct db_flight *f)
{
	bool ok = true;
	size_t i;

	for (i = 0; ok && f->err == ERR_OK && i < f->n; i++)
		ok = parse_send(db, &f->steps[i]);
	line_add(db, f);
	if (f->err != ERR_OK)
		return; /* told when it is the head of the line */
	for (i = 0; ok && i < f->n; i++)
		ok = step_send(db, &f->steps[i]);
	f->sent = ok;
	if (!ok || PQpipelineSync(db->pg) != 1) {
		db_fault_note(db, PQerrorMessage(db->pg));
		db->broken = true;
	}
	for (i = 0; i < f->n; i++)
		db_args_clear(&f->steps[i].args); /* libpq has copied them */
}

static void flight_end(struct db *db, enum err fallback)
{
	struct db_flight *f = db->head;
	enum err e = f->err != ERR_OK ? f->err : fallback;

	db->head = f->next;
	if (db->head == NULL)
		db->tail = &db->head;
	if (f->parse != NULL) {
		if (e != ERR_OK && db->prepared[prepared_slot(db, f->parse)] == f->parse)
			db->broken =
				true; /* a statement that is wrong: nothing after it can be right */
	} else {
		db->pending--;
		db->depth++;
		if (f->on_done != NULL)
			f->on_done(f->ctx, e, e == ERR_OK ? &f->reply : NULL);
		db->depth--;
	}
	db_flight_free(f);
}

/* Why the record cannot be here; NULL: it may be. */
static const char *not_the_record(const struct db_origin *known, const struct db_origin *now)
{
	if (now->timeline == 0)
		return "this server is a standby";
	if (now->system_identifier == known->system_identifier && now->timeline < known->timeline)
		return "this server is on an older timeline: a former primary";
	return NULL;
}

static void hello_take(struct db *db, PGresult *r)
{
	struct db_rows rows = {r};
	struct db_origin now;
	const char *why;

	if (PQresultStatus(r) != PGRES_TUPLES_OK) {
		fault_of(db, r);
		db->broken = true;
		return;
	}
	clock_sync(db_int(&rows, 0, 0), db->hello_us);
	now = (struct db_origin){.system_identifier = (uint64_t)db_int(&rows, 0, 1),
		.timeline = (uint32_t)db_int(&rows, 0, 2),
		.backend_pid = (int32_t)db_int(&rows, 0, 3)};
	now.pooled = PQbackendPID(db->pg) != now.backend_pid;
	why = not_the_record(&db->origin, &now);
	if (why != NULL) {
		db_fault_note(db, why);
		db->broken = true;
		return;
	}
	db->origin = now;
}

void db_hello(struct db *db)
{
	db->hello_us = clock_us();
	if (PQsendQueryParams(db->pg, hello_sql, 0, NULL, NULL, NULL, NULL, 1) != 1 ||
		PQpipelineSync(db->pg) != 1)
		db->broken = true;
}

static void result_keep(struct db *db, struct db_flight *f, PGresult *r)
{
	ExecStatusType status = PQresultStatus(r);
	size_t at = f->scoped ? f->seen - 1 : f->seen; /* wraps for the scope itself: not kept */

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK) {
		if (status != PGRES_PIPELINE_ABORTED) {
			fault_of(db, r);
			db->broken = db->broken || is_farewell(r);
		}
		if (f->err == ERR_OK && !db->broken)
			f->err = err_of(r);
	} else if (f->parse == NULL && at < DB_STEPS_MAX) {
		f->reply.rows[at].pg = r;
		f->reply.n = at + 1;
		return;
	}
	PQclear(r);
}

static void result_take(struct db *db, PGresult *r)
{
	struct db_flight *f = db->head;

	if (PQresultStatus(r) == PGRES_PIPELINE_SYNC) {
		PQclear(r);
		if (db->state == DB_HELLO)
			db_link_up(db);
		else if (f != NULL)
			flight_end(db, ERR_OK);
	} else if (db->state == DB_HELLO) {
		hello_take(db, r);
		PQclear(r);
	} else if (f == NULL) {
		PQclear(r); /* nobody asked: a notice of the server's end */
		db->broken = true;
	} else {
		result_keep(db, f, r);
	}
}

/* Transactions that failed before they were sent end when it is their turn. */
static bool unsent_end(struct db *db)
{
	if (db->head == NULL || db->head->sent || db->head->err == ERR_OK)
		return false;
	flight_end(db, ERR_INTERNAL);
	return true;
}

void db_flights_read(struct db *db)
{
	PGresult *r;

	if (PQconsumeInput(db->pg) != 1) {
		db_link_cut(db, PQerrorMessage(db->pg));
		return;
	}
	while (!db->broken && !db->closing && (db->head != NULL || db->state == DB_HELLO)) {
		if (unsent_end(db))
			continue;
		if (PQisBusy(db->pg))
			break;
		r = PQgetResult(db->pg);
		if (r != NULL)
			result_take(db, r);
		else if (db->head != NULL)
			db->head->seen++;
	}
}

void db_flights_end(struct db *db)
{
	while (db->head != NULL) {
		const struct db_flight *f = db->head;

		flight_end(db, f->sent && !f->reads ? ERR_DB_UNKNOWN : ERR_DB);
	}
}
