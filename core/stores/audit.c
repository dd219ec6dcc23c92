#include "stores/audit.h"

void audit_args(struct db_args *a, const struct audit_actor *by)
{
	db_arg_text(a, by->kind);
	db_arg_id_or_null(a, by->id);
	db_arg_id_or_null(a, by->request);
}
