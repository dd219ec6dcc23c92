#include "stores/signing_key.h"

#include "stores/believed.h"
#include "stores/store_call.h"
#include "stores/subject_key.h"

#include <stdlib.h>

#define COLUMNS \
	"k.key_id, k.public_key, k.secret, k.created_at, k.signs_at, k.ends_at, " INSTALLATION_KEY
/* The row's lock is held until the commit, so numbers and commits have one order. */
#define NEXT(if_so) \
	"s as (update access_sequence set seq = seq + 1 where one" if_so " returning seq)"

static const struct db_stmt list_stmt = {.name = "signing_key_list",
	.sql = "select " COLUMNS " from signing_key k"
	       " where k.ends_at is null or k.ends_at > now() - interval '1 day'"
	       " order by k.signs_at desc, k.key_id desc limit 100",
	.reads = true};

static const struct db_stmt first_stmt = {.name = "signing_key_first",
	.sql = "with " NEXT(
		"") ", k as (insert into signing_key (key_id, public_key, secret)"
		    "  select $1, $2, $3 from s where not exists (select from signing_key"
		    "   where ends_at is null or ends_at > now()) returning *),"
		    " a as (insert into audit (tenant_id, actor_kind, action, object)"
		    "  select " AUDIT_SYSTEM_SQL ", 'producer',"
		    "   'signing_key.create', key_id from k)"
		    " select " COLUMNS " from k"};

static const struct db_stmt rotate_stmt = {.name = "signing_key_rotate",
	.sql = "with " NEXT(
		" and" BELIEVED) ", k as (insert into signing_key (key_id, public_key, secret, signs_at)"
				 "  select $1, $2, $3, now() + $4::int8 * interval '1 second' from s returning *),"
				 " o as (update signing_key o"
				 "  set ends_at = least(o.ends_at, k.signs_at + $5::int8 * interval '1 second')"
				 "  from k where o.key_id <> k.key_id and (o.ends_at is null or o.ends_at > now())"
				 "  returning 1),"
				 " a as (insert into audit (tenant_id, " AUDIT_BY
				 ", action, object)"
				 "  select " AUDIT_SYSTEM_SQL ", $7, $8, $9, $10, $11, $6, key_id"
				 "   from k)"
				 " select " COLUMNS " from k"};

static void tell(struct store_call *call, enum err e, const struct db_rows *r)
{
	size_t n = r != NULL ? db_rows_n(r) : 0;
	struct signing_key *rows = store_call_rows(&e, n, sizeof(*rows));

	for (size_t i = 0; rows != NULL && i < n; i++)
		rows[i] = (struct signing_key){.id = db_id(r, i, 0),
			.public_key = db_value(r, i, 1),
			.secret = db_value(r, i, 2),
			.created_ms = db_time(r, i, 3),
			.signs_ms = db_time(r, i, 4),
			.ends_ms = db_time(r, i, 5),
			.own = subject_key_take(r, i, 6)};
	((signing_key_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

static void on_keys(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, e ? NULL : db_reply_rows(reply, 0));
}

static void on_rotated(void *ctx, enum err e, const struct db_reply *reply)
{
	const struct db_rows *r;

	e = believed_rows(e, reply, &r);
	tell(ctx, e, r);
}

static void key_args(struct db_args *a, const struct signing_key *key)
{
	db_args_init(a);
	db_arg_id(a, key->id);
	db_arg_bytes(a, key->public_key);
	db_arg_bytes(a, key->secret);
}

enum err signing_key_list(struct db *db, signing_key_done *done, void *ctx)
{
	return store_call_run(&(struct store_call_ask){db, &AUDIT_SYSTEM_TENANT, 1, &list_stmt,
		NULL, on_keys, {.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err signing_key_first(
	struct db *db, const struct signing_key *key, signing_key_done *done, void *ctx)
{
	struct db_args a;

	key_args(&a, key);
	return store_call_run(&(struct store_call_ask){db, NULL, 0, &first_stmt, &a, on_keys,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err signing_key_rotate(struct db *db, const struct signing_key_change *change,
	const struct audit_actor *by, signing_key_done *done, void *ctx)
{
	struct db_args a;

	key_args(&a, &change->key);
	db_arg_int8(&a, change->signs_in_s);
	db_arg_int8(&a, change->keep_s);
	db_arg_text(&a, change->action);
	audit_by_args(&a, by);
	return believed_run(&(struct store_call_ask){db, NULL, 0, &rotate_stmt, &a, on_rotated,
				    {.done = (store_call_fn *)done, .ctx = ctx}},
		by);
}
