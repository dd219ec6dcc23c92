#include "database.h"
#include "handlers.h"
#include "output.h"

#include "stores/migrate.h"

#include <string.h>

struct progress {
	const struct call *call;
	json_t *applied;
	size_t n;
};

static void told(void *ctx, const char *name, bool applied)
{
	struct progress *progress = ctx;

	progress->n += applied;
	if (applied)
		json_array_append_new(progress->applied, json_string(name));
	if (!call_flag(progress->call, "json"))
		fprintf(progress->call->out, "%-44s %s\n", name,
			applied ? "applied" : "there already");
}

static enum outcome fail(
	const struct call *call, const struct database *database, enum err e, const char *fault)
{
	if (e == ERR_CONFLICT)
		return call_fail(call, OUTCOME_CONFLICT, "%s", fault);
	if (*fault)
		return call_fail(
			call, e == ERR_DB ? OUTCOME_UNAVAILABLE : OUTCOME_FAILED, "%s", fault);
	return database_fail(call, database, e);
}

static void missing_told(void *ctx, const char *name, bool applied)
{
	const struct call *call = ctx;

	if (!call_flag(call, "json"))
		fprintf(call->out, "%-44s missing\n", name);
}

static enum outcome check(struct call *call, struct database *database)
{
	char fault[MIGRATE_FAULT_MAX] = "";
	size_t missing = 0;
	enum err e = migrate_check(database->db, missing_told, call, &missing, fault);

	if (e != ERR_OK)
		return fail(call, database, e, fault);
	if (call_flag(call, "json"))
		return output_json_new(call, json_pack("{s:I}", "missing", (json_int_t)missing));
	fprintf(call->out, "%zu migrations would be applied\n", missing);
	return OUTCOME_OK;
}

static enum err apply(
	struct database *database, struct progress *progress, char fault[MIGRATE_FAULT_MAX])
{
	const char *passfile = database->config->database.passfile;
	enum err e = migrate_run(database->db, told, progress, fault);

	if (e == ERR_OK && *passfile)
		e = migrate_passwords(database->db, passfile, fault);
	return e;
}

static void say_pooled(const struct call *call, const struct database *database)
{
	struct db_origin origin;

	db_origin_read(database->db, &origin);
	if (origin.pooled)
		fprintf(call->err, "%s\n", OWNER_POOLED);
}

static enum outcome run(const struct call *call, struct database *database)
{
	struct progress progress = {call, json_array(), 0};
	char fault[MIGRATE_FAULT_MAX] = "";
	enum err e = apply(database, &progress, fault);

	if (e != ERR_OK) {
		json_decref(progress.applied);
		return fail(call, database, e, fault);
	}
	if (call_flag(call, "json"))
		return output_json_new(call, json_pack("{s:o}", "applied", progress.applied));
	json_decref(progress.applied);
	fprintf(call->out, "the record is at this version%s\n",
		progress.n ? "" : "; there was nothing to do");
	say_pooled(call, database);
	return OUTCOME_OK;
}

enum outcome migrate_command_run(struct call *call)
{
	struct database database;
	enum outcome outcome = database_open(call, call_text(call, "config"), &database);

	if (outcome == OUTCOME_OK)
		outcome =
			call_flag(call, "dry-run") ? check(call, &database) : run(call, &database);
	database_close(&database);
	return outcome;
}
