/* Epochs of the key-encryption keys: on the database and the directory of keys themselves. */
#include "epoch_call.h"
#include "handlers.h"
#include "output.h"

#include "ground/clock.h"
#include "ports/key_files.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WEEK_S = 7 * 86400, WHY_MAX = 8192, HOST_MAX = 256 };

/* ---- list ---- */

static void put_time(struct table *t, int64_t ms)
{
	char text[CLOCK_TEXT_MAX] = "";

	if (ms)
		clock_format(ms, text);
	memcpy(text + strcspn(text, "."), "Z", text[0] ? sizeof "Z" : 0);
	table_cell(t, text);
}

static json_t *epoch_json(const struct epoch_seen *seen)
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
	static const char *const names[] = {"EPOCH", "STATE", "MADE", "ACTIVE", "RETIRED",
		"HELD BY", "OF", "DATA KEYS", "ESCROW UNTIL", NULL};
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
		put_time(&t, e->escrow_until_ms);
	}
	outcome = table_print(call, &t);
	table_clear(&t);
	return outcome;
}

static enum outcome list(const struct call *call, struct database *database)
{
	struct epochs epochs = {.err = ERR_DB};
	enum err e =
		epochs_wait(database, key_epoch_list(database->db, epochs_keep, &epochs), &epochs);
	enum outcome outcome = e == ERR_OK ? show(call, &epochs) : database_fail(call, database, e);

	free(epochs.list);
	return outcome;
}

enum outcome epoch_list_run(struct call *call)
{
	return epoch_call(call, list);
}

/* ---- make ---- */

struct making {
	int32_t epoch;
	bool has_active;
	bool new_dir; /* there was none: perhaps another one was meant */
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
		return epoch_fail(call, why, e);
	e = epochs_wait(
		database, key_epoch_add(database->db, m->epoch, mark, epochs_keep, &added), &added);
	free(added.list);
	if (e != ERR_OK)
		return database_fail(call, database, e);
	if (call_flag(call, "json"))
		return output_json_new(call, json_pack("{s:i, s:b}", "epoch", (int)m->epoch,
						     "active", (int)!m->has_active));
	fprintf(call->out, "epoch %d is made%s\n", (int)m->epoch,
		m->has_active ? "; copy its file to every host, then `longhaul epoch activate` it"
			      : " and active");
	if (m->new_dir)
		fprintf(call->out,
			"its key lies in %s, a directory that was not there before and is this "
			"user's: it must be that of the user who runs the programs\n",
			dir);
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
		outcome = epoch_fail(call, &why, e);
		goto out;
	}
	e = epochs_wait(database, key_epoch_list(database->db, epochs_keep, &epochs), &epochs);
	if (e != ERR_OK) {
		outcome = database_fail(call, database, e);
		goto out;
	}
	m.new_dir = access(database->config->keys.dir, F_OK) != 0;
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
	return epoch_call(call, make);
}

/* ---- activate, destroy ---- */

struct lacking {
	const struct call *call;
	const char *dir;
	int32_t epoch;
	enum err err;
	size_t n;
};

/* Said of a process of this host: is the file here, and another's than the directory? */
static bool is_anothers(const struct lacking *lacking, const char *host)
{
	const char *dir = lacking->dir;
	char here[HOST_MAX] = "", path[PATH_MAX];
	struct stat file, folder;

	(void)gethostname(here, sizeof(here) - 1);
	(void)snprintf(path, sizeof(path), "%s/epoch-%d.key", dir, (int)lacking->epoch);
	return strcmp(here, host) == 0 && lstat(path, &file) == 0 && stat(dir, &folder) == 0 &&
	       file.st_uid != folder.st_uid;
}

static void lacking_say(void *ctx, enum err e, const struct key_lacking *rows, size_t n)
{
	struct lacking *lacking = ctx;

	lacking->err = e;
	lacking->n = n;
	for (size_t i = 0; i < n; i++)
		fprintf(lacking->call->err, "%s on %s, process %lld, %s\n", rows[i].program,
			rows[i].host, (long long)rows[i].pid,
			is_anothers(lacking, rows[i].host)
				? "cannot read it: chown its file to the owner of keys.dir"
				: "does not hold it yet");
}

/* Says by whom it is missed. */
static enum outcome lacking_fail(const struct call *call, struct database *database, int32_t epoch)
{
	struct lacking lacking = {
		.call = call, .dir = database->config->keys.dir, .epoch = epoch, .err = ERR_DB};
	enum err e = key_epoch_lacking(database->db, epoch, lacking_say, &lacking);

	if (e == ERR_OK)
		e = db_wait(database->db, DATABASE_WAIT_MS);
	if (e == ERR_OK && lacking.err == ERR_OK && lacking.n > 0)
		return call_fail(call, OUTCOME_CONFLICT,
			"epoch %d is not active: copy epoch-%d.key to keys.dir of those hosts, for "
			"the user that runs the programs, or wait 30 s for processes that are gone",
			(int)epoch, (int)epoch);
	return call_fail(call, OUTCOME_CONFLICT,
		"epoch %d is not active: a process did not hold it a moment ago; try again",
		(int)epoch);
}

/* NULL: there is none of that number. */
static const struct epoch_seen *epoch_find(const struct epochs *epochs, int32_t epoch)
{
	for (size_t i = 0; i < epochs->n; i++)
		if (epochs->list[i].row.epoch == epoch)
			return &epochs->list[i];
	return NULL;
}

typedef enum outcome refused_fn(
	const struct call *call, struct database *database, const struct epoch_seen *seen);

/* Why the record refused a change: by the epoch as it is now. */
static enum outcome refused(
	const struct call *call, struct database *database, int32_t epoch, refused_fn *say)
{
	struct epochs epochs = {.err = ERR_DB};
	enum err e =
		epochs_wait(database, key_epoch_list(database->db, epochs_keep, &epochs), &epochs);
	const struct epoch_seen *seen = e == ERR_OK ? epoch_find(&epochs, epoch) : NULL;
	enum outcome outcome;

	if (e != ERR_OK)
		outcome = database_fail(call, database, e);
	else if (!seen)
		outcome = call_fail(call, OUTCOME_NOT_FOUND, "there is no epoch %d", (int)epoch);
	else
		outcome = say(call, database, seen);
	free(epochs.list);
	return outcome;
}

static enum outcome not_activated(
	const struct call *call, struct database *database, const struct epoch_seen *seen)
{
	if (strcmp(seen->state, "made") == 0)
		return lacking_fail(call, database, seen->row.epoch);
	return call_fail(call, OUTCOME_CONFLICT,
		"epoch %d is %s: only one that was made ahead becomes active", (int)seen->row.epoch,
		seen->state);
}

static enum outcome activate(const struct call *call, struct database *database)
{
	struct epochs changed = {.err = ERR_DB};
	int32_t epoch;
	enum err e;

	if (!epoch_number(call, &epoch))
		return call_usage(call, "an epoch is a number, as `longhaul epoch list` shows it");
	e = epochs_wait(
		database, key_epoch_activate(database->db, epoch, epochs_keep, &changed), &changed);
	free(changed.list);
	if (e == ERR_CONFLICT)
		return refused(call, database, epoch, not_activated);
	if (e != ERR_OK)
		return database_fail(call, database, e);
	fprintf(call->out, "epoch %d is active; the leader wraps all data keys anew\n", (int)epoch);
	return OUTCOME_OK;
}

enum outcome epoch_activate_run(struct call *call)
{
	return epoch_call(call, activate);
}

static void escrow_say(const struct call *call, int64_t until_ms)
{
	char text[CLOCK_TEXT_MAX] = "";

	if (!until_ms)
		return;
	clock_format(until_ms, text);
	text[strcspn(text, "T")] = '\0';
	fprintf(call->out, "its copies in escrow must be gone by %s\n", text);
}

static enum outcome destroy_file(
	const struct call *call, const char *dir, int32_t epoch, int64_t until_ms)
{
	enum outcome outcome = OUTCOME_OK;
	struct buf why;

	buf_init(&why, WHY_MAX);
	if (key_files_destroy(dir, epoch, &why) != ERR_OK)
		outcome = call_fail(call, OUTCOME_FAILED, "%s", why.len ? why.bytes : "failed");
	else
		fprintf(call->out,
			"epoch %d is destroyed here; remove its file on every other host, and its "
			"copies in escrow\n",
			(int)epoch);
	buf_clear(&why);
	escrow_say(call, until_ms);
	return outcome;
}

static enum outcome not_destroyed(
	const struct call *call, struct database *database, const struct epoch_seen *seen)
{
	const int epoch = (int)seen->row.epoch, weeks = (int)database->config->keys.retired_weeks;
	const int64_t retired_ms = clock_record_ms() - seen->row.retired_ms;

	if (strcmp(seen->state, "active") == 0)
		return call_fail(call, OUTCOME_CONFLICT,
			"epoch %d is active: another one has to be active, and this one retired "
			"for %d weeks",
			epoch, weeks);
	if (strcmp(seen->state, "destroyed") == 0)
		return call_fail(call, OUTCOME_CONFLICT, "epoch %d is destroyed already", epoch);
	if (seen->row.keys > 0 && retired_ms >= (int64_t)weeks * WEEK_S * 1000)
		return call_fail(call, OUTCOME_CONFLICT,
			"epoch %d still wraps %lld data keys: the leader wraps them anew", epoch,
			(long long)seen->row.keys);
	return call_fail(
		call, OUTCOME_CONFLICT, "epoch %d is not retired for %d weeks yet", epoch, weeks);
}

static enum outcome destroy(const struct call *call, struct database *database)
{
	const int64_t weeks = database->config->keys.retired_weeks;
	struct epochs changed = {.err = ERR_DB};
	int64_t until_ms;
	int32_t epoch;
	enum err e;

	if (!epoch_number(call, &epoch))
		return call_usage(call, "an epoch is a number, as `longhaul epoch list` shows it");
	e = epochs_wait(database,
		key_epoch_destroy(database->db, epoch, weeks * WEEK_S, epochs_keep, &changed),
		&changed);
	until_ms = changed.n ? changed.list[0].row.escrow_until_ms : 0;
	free(changed.list);
	if (e == ERR_CONFLICT)
		return refused(call, database, epoch, not_destroyed);
	if (e != ERR_OK)
		return database_fail(call, database, e);
	return destroy_file(call, database->config->keys.dir, epoch, until_ms);
}

enum outcome epoch_destroy_run(struct call *call)
{
	return epoch_call(call, destroy);
}
