#include "connect/postgres.h"

struct db_options postgres_options(
	const struct config *config, const char *user, const char *application)
{
	return (struct db_options){
		.conninfo = config->database.url,
		.user = user,
		.passfile = config->database.passfile[0] ? config->database.passfile : NULL,
		.application = application,
		.connect_ms = config->database.connect_timeout_ms,
		.silence_ms = config->database.silence_timeout_ms,
		.statement_ms = config->database.statement_timeout_ms,
	};
}
