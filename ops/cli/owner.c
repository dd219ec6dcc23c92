#include "owner.h"

#include <stdlib.h>
#include <string.h>

enum { FAULTS_MAX_BYTES = 1 << 20 };

/* One line of faults is one mistake; each is said as a line of its own. */
static void say_faults(const struct call *call, const struct buf *faults)
{
	if (faults->len == 0)
		return;
	fputs(faults->bytes, call->err);
	if (faults->bytes[faults->len - 1] != '\n')
		fputc('\n', call->err);
}

enum outcome owner_config(const struct call *call, const char *named, struct config **ret_config)
{
	struct buf faults;
	enum outcome outcome = OUTCOME_OK;

	if (!named)
		named = getenv("LONGHAUL_CONFIG");
	if (!named || !*named)
		return call_usage(call, "name the configuration: --config FILE, or its path in "
					"LONGHAUL_CONFIG");
	buf_init(&faults, FAULTS_MAX_BYTES);
	if (config_load(named, &faults, ret_config) != ERR_OK) {
		say_faults(call, &faults);
		outcome = call_usage(call, "%s cannot be used", named);
	}
	buf_clear(&faults);
	return outcome;
}

enum outcome owner_fail(const struct call *call, const struct owner *owner, enum err e)
{
	const char *fault = owner->db ? db_fault(owner->db) : "";

	return call_fail(call, e == ERR_DB_DATA ? OUTCOME_FAILED : OUTCOME_UNAVAILABLE, "%s",
		*fault ? fault : err_text(e));
}

static enum outcome connect_owner(const struct call *call, struct owner *owner)
{
	const char *passfile = owner->config->database.passfile;
	struct db_options options = {.conninfo = owner->config->database.url,
		.user = "longhaul_owner",
		.passfile = *passfile ? passfile : NULL,
		.application = "longhaul",
		.connect_ms = owner->config->database.connect_timeout_ms,
		.silence_ms = owner->config->database.silence_timeout_ms,
		.statement_ms = OWNER_STATEMENT_MS,
		.plan_freely = true};
	enum err e = db_open(NULL, &options, &owner->db);

	if (e == ERR_CONFIG)
		return call_usage(call, "database.url is not a connection string of libpq");
	if (e == ERR_OK)
		e = db_wait(owner->db, OWNER_WAIT_MS);
	return e == ERR_OK ? OUTCOME_OK : owner_fail(call, owner, e);
}

enum outcome owner_open(const struct call *call, const char *named, struct owner *ret)
{
	enum outcome outcome;

	memset(ret, 0, sizeof(*ret));
	outcome = owner_config(call, named, &ret->config);
	return outcome == OUTCOME_OK ? connect_owner(call, ret) : outcome;
}

void owner_close(struct owner *owner)
{
	db_close(owner->db);
	config_release(owner->config);
	memset(owner, 0, sizeof(*owner));
}
