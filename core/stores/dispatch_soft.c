#include "stores/dispatch_soft.h"

static const struct db_stmt soft_stmt = {.name = "dispatch_soft",
	.sql = "select set_config('synchronous_commit', 'off', true)",
	.reads = true};

enum err dispatch_soft_begin(struct db *db)
{
	enum err e = db_begin(db, NULL, 0);

	if (e == ERR_OK)
		db_query(db, &soft_stmt, NULL);
	return e;
}
