#include "stores/store_call.h"

#include <stdlib.h>

enum err store_call_begin(
	struct db *db, const struct id *tenants, size_t n, struct store_call **ret_call)
{
	struct store_call *call = calloc(1, sizeof(*call));
	enum err e;

	if (call == NULL)
		return ERR_NOMEM;
	e = db_begin(db, tenants, n);
	if (e != ERR_OK) {
		free(call);
		return e;
	}
	call->db = db;
	*ret_call = call;
	return ERR_OK;
}

struct id *store_call_tenants(const void *batch, size_t n, store_call_tenant_fn *tenant_of)
{
	struct id *tenants = calloc(n + 1, sizeof(*tenants));

	for (size_t i = 0; tenants != NULL && i < n; i++)
		tenants[i] = tenant_of(batch, i);
	return tenants;
}

enum err store_call_run(const struct store_call_ask *ask)
{
	struct store_call *call;
	enum err e = store_call_begin(ask->db, ask->tenants, ask->tenants_n, &call);

	if (e == ERR_OK) {
		*call = ask->with;
		call->db = ask->db;
		db_query(ask->db, ask->stmt, ask->args);
		db_commit(ask->db, ask->on_done, call);
	}
	db_args_clear(ask->args);
	return e;
}

void *store_call_rows(enum err *e, size_t n, size_t size)
{
	void *rows;

	if (*e != ERR_OK || n == 0)
		return NULL;
	rows = calloc(n, size);
	if (rows == NULL)
		*e = ERR_NOMEM;
	return rows;
}
