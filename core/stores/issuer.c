#include "stores/issuer.h"

#include "stores/believed.h"
#include "stores/owned_sql.h"
#include "stores/store_call.h"
#include "stores/subject_key.h"

#include <stdlib.h>

#define COLUMNS                                                                               \
	"i.issuer_id, i.tenant_id, coalesce((select t.name from tenant t where t.tenant_id"   \
	" = i.tenant_id), ''), i.iss, i.audience, i.algorithms, i.jwks_url, i.kid, i.secret," \
	" i.roles_claim, i.roles, i.created_at, " INSTALLATION_KEY
#define NEXT \
	"s as (update access_sequence set seq = seq + 1 where one and" BELIEVED " returning seq)"

#define THIS OWNED("issuer", "issuer_id", "$2", "$1")
/* It is this tenant's; the zero id: anybody's. */
#define OF " ($2 = " AUDIT_SYSTEM_SQL "::uuid or i.tenant_id = $2)"

/* One more at a time: the next one's count sees what this one has committed. */
static const struct db_stmt turn_stmt = {
	.name = "issuer_turn", .sql = "select pg_advisory_xact_lock(720713005)"};

static const struct db_stmt insert_stmt = {.name = "issuer_insert",
	.sql = "with " NEXT ", i as (insert into issuer (issuer_id, tenant_id, iss, audience,"
	       "  algorithms, jwks_url, kid, secret, roles_claim, roles)"
	       "  select $1, $2, $3, $4, $5, $6, $7, $8, $9, $10 from s where $11 >"
	       "   (select count(*) from (select from issuer limit $11) c) and $17 >"
	       "   (select count(*) from (select from issuer o where o.tenant_id = $2 limit $17) c)"
	       "  on conflict (iss) do nothing returning *),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select tenant_id, $12, $13, $14, $15, $16, 'issuer.create', issuer_id from i)"
	       " select " COLUMNS " from i"};

static const struct db_stmt list_all_stmt = {.name = "issuer_list_all",
	.sql = "select " COLUMNS " from issuer i order by i.issuer_id limit 10000",
	.reads = true};

static const struct db_stmt list_stmt = {.name = "issuer_list",
	.sql = "select " COLUMNS " from issuer i where i.tenant_id = $1"
	       " order by i.tenant_id, i.issuer_id limit 1000",
	.reads = true};

static const struct db_stmt get_stmt = {
	.name = "issuer_get", .sql = "select " COLUMNS " from " THIS " i", .reads = true};

static const struct db_stmt find_stmt = {.name = "issuer_find",
	.sql = "select " COLUMNS " from issuer i where i.iss = $1 and" OF,
	.reads = true};

static const struct db_stmt remove_stmt = {.name = "issuer_remove",
	.sql = "with s as (update access_sequence set seq = seq + 1 where one and" BELIEVED
	       "  and exists (select from " THIS " i) returning seq),"
	       " i as (delete from issuer i using s where i.issuer_id = any(array("
	       "  select issuer_id from " THIS " i)) and s.seq > 0 returning i.*),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select $2, $3, $4, $5, $6, $7, 'issuer.remove', issuer_id from i)"
	       " select " COLUMNS " from i"};

static void row_take(struct issuer *to, const struct db_rows *r, size_t i)
{
	*to = (struct issuer){.id = db_id(r, i, 0),
		.tenant = db_id(r, i, 1),
		.tenant_name = db_text(r, i, 2),
		.iss = db_text(r, i, 3),
		.audience = db_text(r, i, 4),
		.algorithms = (unsigned)db_int(r, i, 5),
		.jwks_url = db_text(r, i, 6),
		.kid = db_text(r, i, 7),
		.secret = db_value(r, i, 8),
		.roles_claim = db_text(r, i, 9),
		.roles = db_text(r, i, 10),
		.created_ms = db_time(r, i, 11),
		.own = subject_key_take(r, i, 12)};
}

static void tell(struct store_call *call, enum err e, const struct db_rows *r, enum err when_none)
{
	size_t n = r != NULL ? db_rows_n(r) : 0;
	struct issuer *rows;

	if (e == ERR_OK && n == 0)
		e = when_none;
	rows = store_call_rows(&e, n, sizeof(*rows));
	for (size_t i = 0; rows != NULL && i < n; i++)
		row_take(&rows[i], r, i);
	((issuer_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

static void on_list(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, e == ERR_OK ? db_reply_rows(reply, 0) : NULL, ERR_OK);
}

/* What a transaction that registers one answers, in order. */
enum { INSERT_TURN, INSERT_ASKED, INSERT_ISSUER = INSERT_ASKED + BELIEVED_REPLIES };

static void on_insert(void *ctx, enum err e, const struct db_reply *reply)
{
	e = believed_told(e, reply, INSERT_ASKED);
	tell(ctx, e, e ? NULL : db_reply_rows(reply, INSERT_ISSUER), ERR_CONFLICT);
}

static void on_removed(void *ctx, enum err e, const struct db_reply *reply)
{
	const struct db_rows *r;

	e = believed_rows(e, reply, &r);
	tell(ctx, e, r, ERR_NOT_FOUND);
}

static void on_needed(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, e == ERR_OK ? db_reply_rows(reply, 0) : NULL, ERR_NOT_FOUND);
}

enum err issuer_insert(struct db *db, const struct issuer *i, int64_t most,
	const struct audit_actor *by, issuer_done *done, void *ctx)
{
	struct db_args a;
	struct store_call *call;
	enum err e = store_call_begin(db, &i->tenant, 1, &call);

	if (e != ERR_OK)
		return e;
	*call = (struct store_call){.done = (store_call_fn *)done, .ctx = ctx, .db = db};
	db_query(db, &turn_stmt, NULL);
	believed_ask(db, by);
	db_args_init(&a);
	db_arg_id(&a, i->id);
	db_arg_id(&a, i->tenant);
	db_arg_text(&a, i->iss);
	db_arg_text(&a, i->audience);
	db_arg_int4(&a, (int32_t)i->algorithms);
	db_arg_text(&a, i->jwks_url);
	db_arg_text(&a, i->kid);
	db_arg_bytes(&a, i->secret);
	db_arg_text(&a, i->roles_claim);
	db_arg_text(&a, i->roles);
	db_arg_int8(&a, ISSUERS_MAX);
	audit_by_args(&a, by);
	db_arg_int8(&a, most);
	db_query(db, &insert_stmt, &a);
	db_commit(db, on_insert, call);
	return ERR_OK;
}

enum err issuer_list_all(struct db *db, issuer_done *done, void *ctx)
{
	return store_call_run(&(struct store_call_ask){db, &AUDIT_SYSTEM_TENANT, 1, &list_all_stmt,
		NULL, on_list, {.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err issuer_list(struct db *db, struct id tenant, issuer_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	return store_call_run(&(struct store_call_ask){
		db, NULL, 0, &list_stmt, &a, on_list, {.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err issuer_get(struct db *db, struct id of, struct id issuer, issuer_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, issuer);
	db_arg_id(&a, of);
	return store_call_run(&(struct store_call_ask){db, NULL, 0, &get_stmt, &a, on_needed,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err issuer_find(struct db *db, struct id of, const char *iss, issuer_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_text(&a, iss);
	db_arg_id(&a, of);
	return store_call_run(&(struct store_call_ask){db, NULL, 0, &find_stmt, &a, on_needed,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err issuer_remove(struct db *db, struct id of, struct id issuer, const struct audit_actor *by,
	issuer_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, issuer);
	db_arg_id(&a, of);
	audit_by_args(&a, by);
	return believed_run(&(struct store_call_ask){db, &of, 1, &remove_stmt, &a, on_removed,
				    {.done = (store_call_fn *)done, .ctx = ctx}},
		by);
}
