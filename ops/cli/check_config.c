/* check-config: the file, the files that it names, the upstreams and the database behind it. */
#include "database.h"
#include "handlers.h"
#include "output.h"

#include "config/check.h"
#include "config/price.h"
#include "config/print.h"
#include "connect/reach.h"
#include "ground/clock.h"
#include "ports/key_files.h"
#include "stores/durability.h"
#include "stores/migrate.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX_BYTES = 4 << 20, CALLS_MAX = 1000 };

/* What was seen of the database; texts are copies. */
struct seen {
	size_t missing; /* migrations */
	bool pooled;
	bool durable; /* a commit survives a restart */
	bool reruns;  /* what ran runs again behind a fail-over */
	char standbys[256];
	char version[64];
	enum err err;
};

static void on_durability(void *ctx, enum err e, const struct durability *durability)
{
	struct seen *seen = ctx;

	seen->err = e;
	if (e != ERR_OK)
		return;
	seen->durable =
		durability->fsync && durability->full_page_writes && durability->synchronous_commit;
	snprintf(seen->standbys, sizeof(seen->standbys), "%s", durability->standbys);
	snprintf(seen->version, sizeof(seen->version), "%s", durability->version);
}

static enum err look(struct database *database, struct seen *seen)
{
	struct db_origin origin;
	enum err e = durability_read(database->db, on_durability, seen);

	if (e == ERR_OK)
		e = db_wait(database->db, DATABASE_WAIT_MS);
	db_origin_read(database->db, &origin);
	seen->pooled = origin.pooled;
	seen->reruns = database->config->database.rerun_after_failover;
	return e == ERR_OK ? seen->err : e;
}

static enum outcome check_record(const struct call *call, const char *named, struct seen *seen)
{
	struct database database;
	char fault[MIGRATE_FAULT_MAX] = "";
	enum outcome outcome = database_open(call, named, &database);
	enum err e;

	if (outcome == OUTCOME_OK) {
		e = migrate_check(database.db, NULL, NULL, &seen->missing, fault);
		if (e == ERR_OK)
			e = look(&database, seen);
		if (e == ERR_CONFLICT)
			outcome = call_fail(call, OUTCOME_CONFLICT, "%s", fault);
		else if (e != ERR_OK)
			outcome = database_fail(call, &database, e);
	}
	database_close(&database);
	return outcome;
}

/* What is no mistake: models without a price. */
static void show_notes(const struct call *call, const char *path, const struct config *config)
{
	struct buf notes;

	buf_init(&notes, TEXT_MAX_BYTES);
	if (config_notes(path, config, clock_record_ms(), &notes) == ERR_OK && notes.len > 0)
		fputs(notes.bytes, call->err);
	buf_clear(&notes);
}

/* Whoever is told of upstreams that cannot be reached. */
struct reaching {
	const struct call *call;
	const char *path;
	struct loop *loop;
};

static void on_unreachable(void *owner, const struct reach_fault *fault)
{
	const struct reaching *reaching = owner;

	fprintf(reaching->call->err, "%s:%u:%u: upstreams.%s: cannot be reached now: %s\n",
		reaching->path, fault->place.line, fault->place.column, fault->upstream,
		*fault->why ? fault->why : err_text(fault->err));
}

static void on_reached(void *owner)
{
	const struct reaching *reaching = owner;

	loop_stop(reaching->loop);
}

/* Asks from here: the workers' hosts may see another network. No mistake either. */
static void show_unreachable(const struct call *call, const char *path, const struct config *config)
{
	struct reaching reaching = {call, path, NULL};
	struct http *http = NULL;
	struct reach *reach = NULL;
	enum err e = loop_new(&reaching.loop);

	if (e == ERR_OK)
		e = http_new(reaching.loop, CALLS_MAX, &http);
	if (e == ERR_OK)
		e = reach_new(http, on_unreachable, on_reached, &reaching, &reach);
	if (e == ERR_OK && reach_ask(reach, config) > 0)
		loop_run(reaching.loop);
	if (e != ERR_OK)
		fprintf(call->err, "upstreams were not asked: %s\n", err_text(e));
	reach_free(reach);
	http_free(http);
	loop_free(reaching.loop);
}

static json_t *lines_json(const char *text)
{
	json_t *lines = json_array();

	while (*text) {
		const size_t n = strcspn(text, "\n");

		json_array_append_new(lines, json_stringn(text, n));
		text += n + (text[n] == '\n');
	}
	return lines;
}

/* Every mistake has a line of its own in faults. */
static enum outcome refuse(const struct call *call, const char *path, const struct buf *faults)
{
	const char *text = faults->len > 0 ? faults->bytes : "";

	if (!call_flag(call, "json")) {
		fputs(text, call->err);
		return call_usage(call, "%s cannot be used", path);
	}
	(void)output_json_new(call,
		json_pack("{s:b, s:o, s:n}", "valid", 0, "faults", lines_json(text), "database"));
	return OUTCOME_USAGE;
}

/* Read as the programs will. A folder without keys is right until the first is made. */
static enum err check_keys(const struct call *call, const struct config *config, struct buf *faults)
{
	struct keyring *ring = NULL;
	struct buf why;
	size_t n = 0;
	enum err e = keyring_new(&ring);

	buf_init(&why, TEXT_MAX_BYTES);
	if (!*config->keys.dir) {
		(void)buf_text(&why, "expected a folder: no program starts without keys");
		e = ERR_CONFIG;
	}
	if (e == ERR_OK)
		e = key_files_load(config->keys.dir, ring, &n, &why);
	if (e == ERR_OK && n == 0 && why.len > 0)
		e = ERR_CONFIG;
	if (e != ERR_OK)
		buf_printf(faults, "keys.dir: %s\n", why.len ? why.bytes : err_text(e));
	else if (why.len > 0)
		fprintf(call->err, "keys.dir: %s\n", why.bytes);
	else if (n == 0)
		fprintf(call->err, "keys.dir has no keys yet, and no program starts without: "
				   "`longhaul epoch make` makes the first\n");
	keyring_free(ring);
	buf_clear(&why);
	return e;
}

static enum outcome check_files(const struct call *call, const char *path, bool offline)
{
	struct config *config = NULL;
	struct buf faults;
	enum outcome outcome = OUTCOME_OK;

	if (!path || !*path)
		return call_usage(call, "name the configuration: a FILE, or its path in "
					"LONGHAUL_CONFIG");
	buf_init(&faults, TEXT_MAX_BYTES);
	if (config_load(path, &faults, &config) != ERR_OK ||
		config_check_files(path, config, "", &faults) != ERR_OK ||
		check_keys(call, config, &faults) != ERR_OK)
		outcome = refuse(call, path, &faults);
	if (config)
		show_notes(call, path, config);
	if (outcome == OUTCOME_OK && !offline)
		show_unreachable(call, path, config);
	buf_clear(&faults);
	config_release(config);
	return outcome;
}

static void show_record(const struct call *call, const struct seen *seen)
{
	fprintf(call->out, "Postgres %s answers", seen->version);
	if (seen->missing > 0)
		fprintf(call->out, "; it lacks %zu migrations: run longhaul migrate\n",
			seen->missing);
	else
		fprintf(call->out, " and is at this version\n");
	if (!seen->durable)
		fprintf(call->out, "WARNING: fsync, full_page_writes or synchronous_commit is off: "
				   "a crash may lose acknowledged jobs\n");
	if (*seen->standbys)
		fprintf(call->out,
			"commits wait for a synchronous standby (%s): a fail-over "
			"loses nothing acknowledged\n",
			seen->standbys);
	else
		fprintf(call->out, "no synchronous standby: a restart loses nothing acknowledged, "
				   "a fail-over may lose the replication lag\n");
	if (seen->reruns && !*seen->standbys)
		fprintf(call->out,
			"WARNING: database.rerun_after_failover is true: what ended in what a "
			"fail-over lost runs again without a word\n");
	if (seen->pooled)
		fprintf(call->out, "%s\n", OWNER_POOLED);
}

static json_t *record_json(const struct seen *seen)
{
	return json_pack("{s:I, s:s, s:b, s:s, s:b}", "migrations_missing",
		(json_int_t)seen->missing, "version", seen->version, "durable", (int)seen->durable,
		"synchronous_standbys", seen->standbys, "pooled", (int)seen->pooled);
}

static enum outcome show(const struct call *call, bool offline, const struct seen *seen)
{
	if (call_flag(call, "json"))
		return output_json_new(call, json_pack("{s:b, s:o}", "valid", 1, "database",
						     offline ? json_null() : record_json(seen)));
	fprintf(call->out, "the configuration is valid\n");
	if (!offline)
		show_record(call, seen);
	return OUTCOME_OK;
}

/* One of the texts that are made from the configuration's rows. */
static enum outcome print_text(const struct call *call, enum err (*print)(struct buf *))
{
	struct buf text;
	enum err e;

	buf_init(&text, TEXT_MAX_BYTES);
	e = print(&text);
	if (e == ERR_OK)
		fwrite(text.bytes, 1, text.len, call->out);
	buf_clear(&text);
	return e == ERR_OK ? OUTCOME_OK : call_fail(call, OUTCOME_FAILED, "%s", err_text(e));
}

enum outcome check_config_run(struct call *call)
{
	const char *named = call->n > 0 ? call->arguments[0] : call_text(call, "config");
	bool offline = call_flag(call, "offline");
	struct seen seen = {.missing = 0};
	enum outcome outcome;

	if (call_flag(call, "sample"))
		return print_text(call, config_print_sample);
	if (call_flag(call, "reference"))
		return print_text(call, config_print_reference);
	outcome = check_files(call, named ? named : getenv("LONGHAUL_CONFIG"), offline);
	if (outcome == OUTCOME_OK && !offline)
		outcome = check_record(call, named, &seen);
	return outcome == OUTCOME_OK ? show(call, offline, &seen) : outcome;
}
