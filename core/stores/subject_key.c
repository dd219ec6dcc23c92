#include "stores/subject_key.h"

#include "stores/store_call.h"

#include <stdlib.h>

#define PAGE_ROWS 1000

/* Does not wait for the disk: the log is in order, and what waits for it later takes this along. */
static const struct db_stmt insert_stmt = {.name = "subject_key_insert",
	.sql = "with lazy as materialized (select set_config('synchronous_commit', 'off', true))"
	       " insert into subject_key (tenant_id, key_id, epoch, wrapped)"
	       " select k.tenant_id, k.key_id, k.epoch, k.wrapped"
	       " from unnest($1::uuid[], $2::uuid[], $3::int[], $4::bytea[])"
	       "  k(tenant_id, key_id, epoch, wrapped), lazy order by 1, 2 on conflict do nothing"
	       " returning 1"};
static const struct db_stmt read_stmt = {.name = "subject_key_read",
	.sql = "select k.ord, s.wrapped from unnest($1::uuid[], $2::uuid[]) with ordinality"
	       "  k(tenant_id, key_id, ord) cross join lateral (select wrapped from subject_key s"
	       "   where s.tenant_id = k.tenant_id and s.key_id = k.key_id limit 1) s",
	.reads = true};
static const struct db_stmt page_stmt = {.name = "subject_key_page",
	.sql = "select tenant_id, key_id, epoch, wrapped from subject_key"
	       " where (tenant_id, key_id) > ($1, $2) order by tenant_id, key_id"
	       " limit " SQL_NUMBER(PAGE_ROWS),
	.reads = true};
static const struct db_stmt rewrap_stmt = {.name = "subject_key_rewrap",
	.sql = "update subject_key s set epoch = k.epoch, wrapped = k.wrapped"
	       " from unnest($1::uuid[], $2::uuid[], $3::int[], $4::bytea[], $5::bytea[])"
	       "  k(tenant_id, key_id, epoch, wrapped, was)"
	       " where s.tenant_id = k.tenant_id and s.key_id = k.key_id and s.wrapped = k.was"};

static struct db_bytes wrapped_of(const struct subject_key *key)
{
	return (struct db_bytes){key->key.wrapped, sizeof(key->key.wrapped)};
}

struct sealed_key subject_key_take(const struct db_rows *r, size_t row, int column)
{
	const struct db_bytes wrapped = db_value(r, row, column + 1);

	return sealed_key_of(db_id(r, row, column), wrapped.bytes, wrapped.len);
}

static void id_columns(struct db_args *a, const struct subject_key *keys, size_t n)
{
	DB_COLUMN(a, n, id, keys[i].tenant);
	DB_COLUMN(a, n, id, keys[i].key.id);
}

static void wrapped_columns(struct db_args *a, const struct subject_key *keys, size_t n)
{
	DB_COLUMN(a, n, int4, sealed_key_epoch(&keys[i].key));
	DB_COLUMN(a, n, bytes, wrapped_of(&keys[i]));
}

static void ensured(struct store_call *call, enum err e)
{
	((subject_key_done *)call->done)(call->ctx, e);
	free(call);
}

static void on_read(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	struct subject_key *keys = call->batch;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;

	for (size_t i = 0; r != NULL && i < db_rows_n(r); i++) {
		struct subject_key *key = &keys[db_int(r, i, 0) - 1];
		const struct db_bytes wrapped = db_value(r, i, 1);

		key->key = sealed_key_of(key->key.id, wrapped.bytes, wrapped.len);
	}
	if (r != NULL && db_rows_n(r) < call->n)
		e = ERR_SEALING; /* somebody took one away meanwhile */
	ensured(call, e);
}

static struct id tenant_of(const void *batch, size_t i)
{
	return ((const struct subject_key *)batch)[i].tenant;
}

static enum err keys_begin(
	struct db *db, const struct subject_key *keys, size_t n, struct store_call **ret_call)
{
	struct id *tenants;
	enum err e;

	if (n == 0 || n > SUBJECT_KEYS_MAX)
		return ERR_TOO_LARGE;
	tenants = store_call_tenants(keys, n, tenant_of);
	e = tenants != NULL ? store_call_begin(db, tenants, n, ret_call) : ERR_NOMEM;
	free(tenants);
	return e;
}

static enum err keys_read(const struct store_call *of)
{
	struct db_args a;
	struct store_call *call;
	enum err e = keys_begin(of->db, of->batch, of->n, &call);

	if (e != ERR_OK)
		return e;
	*call = *of;
	db_args_init(&a);
	id_columns(&a, call->batch, call->n);
	db_query(call->db, &read_stmt, &a);
	db_commit(call->db, on_read, call);
	return ERR_OK;
}

/* All that were put in stayed; of the others the record's are read. */
static void on_inserted(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;

	if (e == ERR_OK && db_rows_n(db_reply_rows(reply, 0)) < call->n) {
		e = keys_read(call);
		if (e == ERR_OK) {
			free(call);
			return;
		}
	}
	ensured(call, e);
}

enum err subject_key_ensure(
	struct db *db, struct subject_key *keys, size_t n, subject_key_done *done, void *ctx)
{
	struct db_args a;
	struct store_call *call;
	enum err e = keys_begin(db, keys, n, &call);

	if (e != ERR_OK)
		return e;
	*call = (struct store_call){
		.done = (store_call_fn *)done, .ctx = ctx, .db = db, .batch = keys, .n = n};
	db_args_init(&a);
	id_columns(&a, keys, n);
	wrapped_columns(&a, keys, n);
	db_query(db, &insert_stmt, &a);
	db_commit(db, on_inserted, call);
	return ERR_OK;
}

/* ---- the leader's ---- */

static void page_take(struct subject_key_page *page, struct subject_key *keys,
	const struct db_rows *r, int32_t active)
{
	const size_t n = db_rows_n(r);

	page->last = n < PAGE_ROWS;
	page->keys = keys;
	for (size_t i = 0; i < n; i++) {
		const struct db_bytes wrapped = db_value(r, i, 3);

		page->after_tenant = db_id(r, i, 0);
		page->after_key = db_id(r, i, 1);
		if (db_int(r, i, 2) != active)
			keys[page->n++] = (struct subject_key){page->after_tenant,
				sealed_key_of(page->after_key, wrapped.bytes, wrapped.len)};
	}
}

static void on_page(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	struct subject_key *keys = store_call_rows(&e, r != NULL ? db_rows_n(r) : 0, sizeof(*keys));
	struct subject_key_page page = {0};

	if (e == ERR_OK)
		page_take(&page, keys, r, (int32_t)call->n);
	((subject_key_page_done *)call->done)(call->ctx, e, &page);
	free(keys);
	free(call);
}

enum err subject_key_page(struct db *db, const struct subject_key *after, int32_t active,
	subject_key_page_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, after->tenant);
	db_arg_id(&a, after->key.id);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = &page_stmt,
		.args = &a,
		.on_done = on_page,
		.with = {.done = (store_call_fn *)done, .ctx = ctx, .n = (size_t)active}});
}

enum err subject_key_rewrap(struct db *db, const struct subject_key *was,
	const struct subject_key *keys, size_t n, db_done_fn *done, void *ctx)
{
	struct db_args a;
	enum err e = db_begin(db, NULL, 0);

	if (e != ERR_OK)
		return e;
	db_args_init(&a);
	id_columns(&a, keys, n);
	wrapped_columns(&a, keys, n);
	DB_COLUMN(&a, n, bytes, wrapped_of(&was[i]));
	db_query(db, &rewrap_stmt, &a);
	db_commit(db, done, ctx);
	return ERR_OK;
}
