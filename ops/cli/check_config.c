#include "handlers.h"
#include "output.h"
#include "owner.h"

#include "stores/migrate.h"

/* What the database lacks, as far as that can be seen without changing anything. */
static enum outcome check_record(const struct call *call, const char *named, size_t *ret_missing)
{
	struct owner owner;
	char fault[MIGRATE_FAULT_MAX] = "";
	enum outcome outcome = owner_open(call, named, &owner);
	enum err e;

	if (outcome == OUTCOME_OK) {
		e = migrate_check(owner.db, ret_missing, fault);
		if (e == ERR_CONFLICT)
			outcome = call_fail(call, OUTCOME_CONFLICT, "%s", fault);
		else if (e != ERR_OK)
			outcome = owner_fail(call, &owner, e);
	}
	owner_close(&owner);
	return outcome;
}

static enum outcome check_file(const struct call *call, const char *named)
{
	struct config *config = NULL;
	enum outcome outcome = owner_config(call, named, &config);

	config_release(config);
	return outcome;
}

static enum outcome show(const struct call *call, bool offline, size_t missing)
{
	if (call_flag(call, "json"))
		return output_json_new(
			call, json_pack("{s:b, s:o}", "valid", 1, "migrations_missing",
				      offline ? json_null() : json_integer((json_int_t)missing)));
	fprintf(call->out, "the configuration is valid\n");
	if (offline)
		return OUTCOME_OK;
	if (missing > 0)
		fprintf(call->out, "the database lacks %zu migrations: run longhaul migrate\n",
			missing);
	else
		fprintf(call->out, "the database answers and is at this version\n");
	return OUTCOME_OK;
}

enum outcome check_config_run(struct call *call)
{
	const char *named = call->n > 0 ? call->arguments[0] : call_text(call, "config");
	bool offline = call_flag(call, "offline");
	size_t missing = 0;
	enum outcome outcome =
		offline ? check_file(call, named) : check_record(call, named, &missing);

	return outcome == OUTCOME_OK ? show(call, offline, missing) : outcome;
}
