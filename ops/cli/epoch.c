/* Epochs of the key-encryption keys: on the database and the directory of keys themselves. */
#include "database.h"
#include "handlers.h"
#include "output.h"

#include "ground/clock.h"
#include "ports/key_files.h"
#include "stores/key_epoch.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { WEEK_S = 7 * 86400, WHY_MAX = 8192, STATE_MAX = 16 };

/* A copy of what a call told. */
struct epochs {
	enum err err;
	bool told;
	size_t n;
	struct seen {
		struct key_epoch row;
		char state[STATE_MAX];
	} * list;
};

static void on_epochs(void *ctx, enum err e, const struct key_epoch *rows, size_t n)
{
	struct epochs *epochs = ctx;

	epochs->err = e;
	epochs->told = true;
	epochs->list = calloc(n + 1, sizeof(*epochs->list));
	if (!epochs->list)
		epochs->err = ERR_NOMEM;
	for (size_t i = 0; epochs->list && i < n; i++) {
		epochs->list[i].row = rows[i];
		snprintf(epochs->list[i].state, STATE_MAX, "%s", rows[i].state);
		epochs->n++;
	}
}

/* Waits for a call that was begun. */
static enum err wait_for(struct database *database, enum err begun, struct epochs *epochs)
{
	enum err e = begun;

	if (e == ERR_OK)
		e = db_wait(database->db, DATABASE_WAIT_MS);
	return epochs->told ? epochs->err : e;
}

/* ---- list ---- */

static void put_time(struct table *t, int64_t ms)
{
	char text[CLOCK_TEXT_MAX] = "";

	if (ms)
		clock_format(ms, text);
	text[strcspn(text, ".")] = '\0';
	table_cell(t, text);
}

static json_t *epoch_json(const struct seen *seen)
{
	const struct key_epoch *e = &seen->row;

	return json_pack("{s:i, s:s, s:I, s:I, s:I}", "epoch", (int)e->epoch, "state", seen->state,
		"holders", (json_int_t)e->holders, "processes", (json_int_t)e->processes, "keys",
		(json_int_t)e->keys);
}

static enum outcome show_json(const struct call *call, const struct epochs *epochs)
{
	json_t *list = json_array();

	for (size_t i = 0; i < epochs->n; i++)
		json_array_append_new(list, epoch_json(&epochs->list[i]));
	return output_json_new(call, json_pack("{s:s, s:o}", "object", "list", "data", list));
}

static enum outcome show(const struct call *call, const struct epochs *epochs)
{
	static const char *const names[] = {
		"EPOCH", "STATE", "MADE", "ACTIVE", "RETIRED", "HELD BY", "OF", "DATA KEYS", NULL};
	enum outcome outcome;
	struct table t;

	if (call_flag(call, "json"))
		return show_json(call, epochs);
	table_init(&t, names);
	for (size_t i = 0; i < epochs->n; i++) {
		const struct key_epoch *e = &epochs->list[i].row;

		table_number(&t, e->epoch);
		table_cell(&t, epochs->list[i].state);
		put_time(&t, e->made_ms);
		put_time(&t, e->active_ms);
		put_time(&t, e->retired_ms);
		table_number(&t, e->holders);
		table_number(&t, e->processes);
		table_number(&t, e->keys);
	}
	outcome = table_print(call, &t);
	table_clear(&t);
	return outcome;
}

/* ---- one row of the command table: open, run, close ---- */

typedef enum outcome epoch_fn(const struct call *call, struct database *database);

static enum outcome with_database(const struct call *call, epoch_fn *run)
{
	struct database database;
	enum outcome outcome = database_open(call, call_text(call, "config"), &database);

	if (outcome == OUTCOME_OK && !*database.config->keys.dir)
		outcome = call_usage(call, "keys.dir is not set: where shall the keys lie?");
	if (outcome == OUTCOME_OK)
		outcome = run(call, &database);
	database_close(&database);
	return outcome;
}

static enum outcome fail(const struct call *call, const struct buf *why, enum err e)
{
	return call_fail(call, e == ERR_CONFLICT ? OUTCOME_CONFLICT : OUTCOME_USAGE, "%s",
		why->len ? why->bytes : err_text(e));
}

static enum outcome list(const struct call *call, struct database *database)
{
	struct epochs epochs = {.err = ERR_DB};
	enum err e = wait_for(database, key_epoch_list(database->db, on_epochs, &epochs), &epochs);
	enum outcome outcome = e == ERR_OK ? show(call, &epochs) : database_fail(call, database, e);

	free(epochs.list);
	return outcome;
}

enum outcome epoch_list_run(struct call *call)
{
	return with_database(call, list);
}

/* ---- make ---- */

struct making {
	int32_t epoch;
	bool has_active;
};

static void making_look(struct making *m, const struct epochs *epochs, struct keyring *ring)
{
	int32_t held[KEYRING_MAX];
	const size_t n = keyring_list(ring, held);

	m->epoch = n ? held[n - 1] + 1 : 1;
	for (size_t i = 0; i < epochs->n; i++) {
		m->has_active |= strcmp(epochs->list[i].state, "active") == 0;
		if (epochs->list[i].row.epoch >= m->epoch)
			m->epoch = epochs->list[i].row.epoch + 1;
	}
}

/* An empty or missing directory is no mistake here: it is about to be made. */
static enum err files_look(const char *dir, struct keyring *ring, struct buf *why)
{
	return access(dir, F_OK) == 0 ? key_files_load(dir, ring, NULL, why) : ERR_OK;
}

static enum err make_file(
	const char *dir, int32_t epoch, struct buf *why, uint8_t mark[KEYRING_MARK])
{
	struct keyring *ring = NULL;
	enum err e = key_files_make(dir, epoch, why);

	if (e == ERR_OK)
		e = keyring_new(&ring);
	if (e == ERR_OK)
		e = key_files_load(dir, ring, NULL, why);
	if (e == ERR_OK && !keyring_mark(ring, epoch, mark))
		e = ERR_SYSTEM;
	keyring_free(ring);
	return e;
}

static enum outcome make_one(
	const struct call *call, struct database *database, const struct making *m, struct buf *why)
{
	const char *dir = database->config->keys.dir;
	struct epochs added = {.err = ERR_DB};
	uint8_t mark[KEYRING_MARK];
	enum err e = make_file(dir, m->epoch, why, mark);

	if (e != ERR_OK)
		return fail(call, why, e);
	e = wait_for(
		database, key_epoch_add(database->db, m->epoch, mark, on_epochs, &added), &added);
	free(added.list);
	if (e != ERR_OK)
		return database_fail(call, database, e);
	if (call_flag(call, "json"))
		return output_json_new(call, json_pack("{s:i, s:b}", "epoch", (int)m->epoch,
						     "active", (int)!m->has_active));
	fprintf(call->out, "epoch %d is made%s\n", (int)m->epoch,
		m->has_active ? "; copy its file to every host, then `longhaul epoch activate` it"
			      : " and active");
	return OUTCOME_OK;
}

static enum outcome make(const struct call *call, struct database *database)
{
	struct epochs epochs = {.err = ERR_DB};
	struct keyring *ring = NULL;
	struct making m = {0};
	struct buf why;
	enum outcome outcome = OUTCOME_OK;
	enum err e = keyring_new(&ring);

	buf_init(&why, WHY_MAX);
	if (e == ERR_OK)
		e = files_look(database->config->keys.dir, ring, &why);
	if (e != ERR_OK) {
		outcome = fail(call, &why, e);
		goto out;
	}
	e = wait_for(database, key_epoch_list(database->db, on_epochs, &epochs), &epochs);
	if (e != ERR_OK) {
		outcome = database_fail(call, database, e);
		goto out;
	}
	making_look(&m, &epochs, ring);
	if (m.has_active && call_flag(call, "if-none"))
		fprintf(call->out, "there is an active epoch already\n");
	else
		outcome = make_one(call, database, &m, &why);
out:
	free(epochs.list);
	keyring_free(ring);
	buf_clear(&why);
	return outcome;
}

enum outcome epoch_make_run(struct call *call)
{
	return with_database(call, make);
}

/* ---- activate, destroy ---- */

static bool number_read(const struct call *call, int32_t *ret_epoch)
{
	char *end;
	const long n = strtol(call->arguments[0], &end, 10);

	*ret_epoch = (int32_t)n;
	return *end == '\0' && n > 0 && n <= INT32_MAX;
}

static enum outcome activate(const struct call *call, struct database *database)
{
	struct epochs changed = {.err = ERR_DB};
	int32_t epoch;
	enum err e;

	if (!number_read(call, &epoch))
		return call_usage(call, "an epoch is a number, as `longhaul epoch list` shows it");
	e = wait_for(
		database, key_epoch_activate(database->db, epoch, on_epochs, &changed), &changed);
	free(changed.list);
	if (e == ERR_CONFLICT)
		return call_fail(call, OUTCOME_CONFLICT,
			"epoch %d was not made ahead, or a live process does not hold it yet: "
			"see `longhaul epoch list`",
			(int)epoch);
	if (e != ERR_OK)
		return database_fail(call, database, e);
	fprintf(call->out, "epoch %d is active; the leader wraps all data keys anew\n", (int)epoch);
	return OUTCOME_OK;
}

enum outcome epoch_activate_run(struct call *call)
{
	return with_database(call, activate);
}

static enum outcome destroy_file(const struct call *call, const char *dir, int32_t epoch)
{
	enum outcome outcome = OUTCOME_OK;
	struct buf why;

	buf_init(&why, WHY_MAX);
	if (key_files_destroy(dir, epoch, &why) != ERR_OK)
		outcome = call_fail(call, OUTCOME_FAILED, "%s", why.len ? why.bytes : "failed");
	else
		fprintf(call->out,
			"epoch %d is destroyed here; remove its file on every other host, and its "
			"escrow copies\n",
			(int)epoch);
	buf_clear(&why);
	return outcome;
}

static enum outcome destroy(const struct call *call, struct database *database)
{
	const int64_t weeks = database->config->keys.retired_weeks;
	struct epochs changed = {.err = ERR_DB};
	int32_t epoch;
	enum err e;

	if (!number_read(call, &epoch))
		return call_usage(call, "an epoch is a number, as `longhaul epoch list` shows it");
	e = wait_for(database,
		key_epoch_destroy(database->db, epoch, weeks * WEEK_S, on_epochs, &changed),
		&changed);
	free(changed.list);
	if (e == ERR_CONFLICT)
		return call_fail(call, OUTCOME_CONFLICT,
			"epoch %d is not retired for %d weeks, or still wraps data keys: "
			"see `longhaul epoch list`",
			(int)epoch, (int)weeks);
	if (e != ERR_OK)
		return database_fail(call, database, e);
	return destroy_file(call, database->config->keys.dir, epoch);
}

enum outcome epoch_destroy_run(struct call *call)
{
	return with_database(call, destroy);
}
