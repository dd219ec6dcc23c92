#include "stores/guess_sql.h"

#include "domain/kind.h"

void guess_kinds_arg(struct db_args *args)
{
	const struct kind *kind;
	size_t calling = 0;

	for (size_t i = 0; (kind = kind_at(i)) != NULL; i++)
		calling += kind->runner == KIND_RUNS_UPSTREAM;
	db_array(args, DB_TEXT, calling);
	for (size_t i = 0; (kind = kind_at(i)) != NULL; i++)
		if (kind->runner == KIND_RUNS_UPSTREAM)
			db_item_text(args, kind->name);
}
