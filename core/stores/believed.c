#include "stores/believed.h"

#include <string.h>

static const struct db_stmt hold_stmt = {
	.name = "believed_hold", .sql = "select from access_sequence where one for no key update"};

static const struct db_stmt ask_stmt = {.name = "believed_ask",
	.sql = "select" BELIEVED("$1::uuid", "$2", "$3", "$4"),
	.reads = true};

void believed_hold(struct db *db)
{
	struct db_args a;

	db_args_init(&a);
	db_query(db, &hold_stmt, &a);
}

void believed_ask(struct db *db, const struct revocation_facts *by)
{
	struct db_args a;

	db_args_init(&a);
	believed_args(&a, by);
	db_query(db, &ask_stmt, &a);
}

void believed_args(struct db_args *a, const struct revocation_facts *by)
{
	static const struct revocation_facts nobody = {.issued_ms = INT64_MAX};
	struct id shown[REVOCATION_CREDENTIALS + TOKEN_SOURCES_MAX];

	if (!by)
		by = &nobody;
	memcpy(shown, by->credentials, sizeof by->credentials);
	memcpy(shown + REVOCATION_CREDENTIALS, by->sources, sizeof by->sources);
	db_arg_id(a, by->tenant);
	db_arg_ids(a, shown, sizeof shown / sizeof *shown);
	db_arg_id(a, by->principal);
	/* an operator's key ends by its id alone */
	db_arg_time(a, by->issued_ms == INT64_MAX ? 0 : by->issued_ms);
}
