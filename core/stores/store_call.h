/* store_call.h - a store call under way: whom to tell, and of what.
 *
 * What every store function returns: ERR_OK, and done is called exactly once, later
 * and from the connection, with db_commit's outcome or one that the function names;
 * or an error of db_begin, ERR_NOMEM, ERR_TOO_LARGE for a batch beyond its maximum,
 * and nothing was sent and done is not called.
 *
 * For the stores' own use. A call is made together with its transaction; the
 * callback that ends it frees it. The done pointer is cast back to the type it
 * came as by the only function that calls it.
 *
 * Threads: the connection's.  Memory: the transaction's callback owns the call. */
#ifndef STORES_STORE_CALL_H
#define STORES_STORE_CALL_H

#include "ports/db.h"

/* A constant's digits as a piece of SQL text: SQL_NUMBER(EVENT_BLOCK) is "256". Only of a #define.
 */
#define SQL_DIGITS(digits)   #digits
#define SQL_NUMBER(constant) SQL_DIGITS(constant)

typedef void store_call_fn(void);

struct store_call {
	store_call_fn *done;
	void *ctx;
	struct db *db;
	void *batch; /* the caller's elements */
	size_t n;
	struct id id; /* a worker, a job: what this call needs to remember */
};

/* Begins a transaction for tenants and makes its call. ERR_NOMEM, or as db_begin. */
MUST_CHECK enum err store_call_begin(
	struct db *db, const struct id *tenants, size_t n, struct store_call **ret_call);

/* The tenants of a batch's n elements, to begin a transaction with; the caller frees them.
 * tenant_of tells whose the i-th is. NULL: no memory. */
typedef struct id store_call_tenant_fn(const void *batch, size_t i);
struct id *store_call_tenants(const void *batch, size_t n, store_call_tenant_fn *tenant_of);

/* A transaction of one statement. */
struct store_call_ask {
	struct db *db;
	const struct id *tenants;
	size_t tenants_n;
	const struct db_stmt *stmt;
	struct db_args *args; /* taken in any case */
	db_done_fn *on_done;
	struct store_call with; /* done, ctx, and what else to remember */
};
MUST_CHECK enum err store_call_run(const struct store_call_ask *ask);

/* An array for n rows of size bytes; NULL with e set to ERR_NOMEM when there is no memory, NULL
 * when there are no rows or e was an error already. */
void *store_call_rows(enum err *e, size_t n, size_t size);

#endif
