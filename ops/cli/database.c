#include "database.h"

#include "connect/postgres.h"

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

enum outcome database_config(const struct call *call, const char *named, struct config **ret_config)
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

enum outcome database_fail(const struct call *call, const struct database *database, enum err e)
{
	const char *fault = database->db ? db_fault(database->db) : "";

	return call_fail(call, e == ERR_DB_DATA ? OUTCOME_FAILED : OUTCOME_UNAVAILABLE, "%s",
		*fault ? fault : err_text(e));
}

static enum outcome connect_owner(const struct call *call, struct database *database)
{
	struct db_options options =
		postgres_options(database->config, "longhaul_owner", "longhaul");
	enum err e;

	options.statement_ms = OWNER_STATEMENT_MS;
	options.plan_freely = true;
	e = db_open(NULL, &options, &database->db);
	if (e == ERR_CONFIG)
		return call_usage(call, "database.url is not a connection string of libpq");
	if (e == ERR_OK)
		e = db_wait(database->db, DATABASE_WAIT_MS);
	return e == ERR_OK ? OUTCOME_OK : database_fail(call, database, e);
}

enum outcome database_open(const struct call *call, const char *named, struct database *ret)
{
	enum outcome outcome;

	memset(ret, 0, sizeof(*ret));
	outcome = database_config(call, named, &ret->config);
	return outcome == OUTCOME_OK ? connect_owner(call, ret) : outcome;
}

void database_close(struct database *database)
{
	db_close(database->db);
	config_release(database->config);
	memset(database, 0, sizeof(*database));
}
