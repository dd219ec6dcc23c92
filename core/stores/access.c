#include "stores/access.h"

#include "stores/audit.h"
#include "stores/store_call.h"

#include <stdlib.h>
#include <string.h>

/* A key's own roles, or its user's; a row for each, one without a role when there is none. The
 * installation's keys are told by their kind. Of a key that was rotated and its successors, one
 * principal, the newest that is good speaks: one that has run out is, one whose successor has taken
 * over is not. */
static const struct db_stmt holder_stmt = {.name = "access_holder",
	.sql = "select h.welcome, x.role from ((select k.revoked_at is null"
	       "  and (k.rotated_to is null or k.expires_at > now()) as welcome,"
	       "  coalesce(k.roles, array[case when k.operator then 'operator' else 'service' end])"
	       "  as roles from api_key k"
	       "  where k.tenant_id = $1 and k.user_id is null and k.principal = coalesce((select"
	       "   p.principal from api_key p where p.key_id = $2 and p.tenant_id = $1), $2)"
	       "  order by 1 desc, k.key_id desc limit 1)"
	       " union all select u.disabled_at is null, array(select r.role from user_role r"
	       "  where r.tenant_id = $1 and r.user_id = $2 order by r.role)"
	       " from app_user u where u.tenant_id = $1 and u.user_id = $2) h"
	       " left join lateral unnest(h.roles) x(role) on true",
	.reads = true};

/* Roles, then their parents, then their rules: what is 0, 1, 2. */
#define BOTH "tenant_id = any(array[$1, " AUDIT_SYSTEM_SQL "::uuid])"
static const struct db_stmt book_stmt = {.name = "access_book",
	.sql = "select 0 as what, name as role, case when tenant_id = $1 then '' else 'built in' end"
	       " as text, 0::int2 as number from role where " BOTH
	       " union all select 1, role, parent, number from role_parent where " BOTH
	       " union all select 2, role, rule, number from role_grant where " BOTH
	       " order by what, role, number",
	.reads = true};

static const struct db_stmt version_stmt = {.name = "access_version",
	.sql = "select version from access_version where tenant_id = $1",
	.reads = true};

static const struct db_stmt sets_stmt = {.name = "access_sets",
	.sql = "select distinct s.roles from (select string_agg(r.role, ' ' order by r.role) as roles"
	       "  from user_role r where r.tenant_id = $1 group by r.tenant_id, r.user_id"
	       "  having count(*) > 1"
	       " union all select array_to_string(k.roles, ' ') from api_key k"
	       "  where k.tenant_id = $1 and k.revoked_at is null"
	       "  and (k.expires_at is null or k.expires_at > now()) and cardinality(k.roles) > 1) s"
	       " limit $2",
	.reads = true};

static const struct db_stmt changed_stmt = {.name = "access_changed",
	.sql = "select v.tenant_id, v.version, m.mark from"
	       " (select pg_snapshot_xmin(pg_current_snapshot())::text::int8 as mark) m"
	       " left join lateral (select * from access_version v where v.changed_by >= $1"
	       "  order by v.changed_by desc limit $2) v on true",
	.reads = true};

/* ---- the book ---- */

/* A rule of a later version is not understood: what it allows is not allowed, and a deny must not
 * be lost. */
static enum err rule_take(struct role_book *book, const char *role, const char *text)
{
	const char *why;
	enum err e = role_book_rule_add(book, role, text, &why);

	if (e == ERR_INVALID_FIELD)
		e = strncmp(text, "deny", 4) == 0 ? role_book_rule_add(book, role, "deny *:*", &why)
						  : ERR_OK;
	return e;
}

static enum err line_take(struct role_book *book, const struct db_rows *r, size_t i)
{
	const char *role = db_text(r, i, 1), *text = db_text(r, i, 2);
	enum err e;

	if (db_int(r, i, 0) == 1)
		return role_book_parent_add(book, role, text);
	if (db_int(r, i, 0) == 2)
		return rule_take(book, role, text);
	e = role_book_add(book, role);
	if (!e && text[0])
		role_book_build_in(book, role);
	return e;
}

static enum err book_take(const struct db_rows *r, struct role_book **ret_book)
{
	struct role_book *book = NULL;
	enum err e = role_book_new(&book);

	for (size_t i = 0; !e && i < db_rows_n(r); i++)
		e = line_take(book, r, i);
	if (e)
		role_book_free(book);
	else
		*ret_book = book;
	return e;
}

/* ---- all of it ---- */

enum { REPLY_BOOK, REPLY_VERSION, REPLY_HOLDER };

static void holder_take(struct access_told *told, const struct db_rows *r, const char **roles)
{
	told->known = db_rows_n(r) > 0;
	told->welcome = told->known && db_int(r, 0, 0) != 0;
	for (size_t i = 0; i < db_rows_n(r) && told->roles_n < ROLES_HELD_MAX; i++)
		if (!db_null(r, i, 1))
			roles[told->roles_n++] = db_text(r, i, 1);
	told->roles = roles;
}

static void on_load(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	struct access_told told = {.book = NULL};
	const char *roles[ROLES_HELD_MAX];

	if (!e)
		e = book_take(db_reply_rows(reply, REPLY_BOOK), &told.book);
	if (!e) {
		const struct db_rows *version = db_reply_rows(reply, REPLY_VERSION);

		told.version = db_rows_n(version) ? db_int(version, 0, 0) : 0;
		holder_take(&told, db_reply_rows(reply, REPLY_HOLDER), roles);
	}
	((access_done *)call->done)(call->ctx, e, e ? NULL : &told);
	free(call);
}

static void query_with(
	struct db *db, const struct db_stmt *stmt, struct id tenant, const struct id *of)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	if (of)
		db_arg_id(&a, *of);
	db_query(db, stmt, &a);
}

enum err access_load(
	struct db *db, struct id tenant, struct id principal, access_done *done, void *ctx)
{
	struct store_call *call;
	enum err e = store_call_begin(db, &tenant, 1, &call);

	if (e)
		return e;
	call->done = (store_call_fn *)done;
	call->ctx = ctx;
	query_with(db, &book_stmt, tenant, NULL);
	query_with(db, &version_stmt, tenant, NULL);
	query_with(db, &holder_stmt, tenant, &principal);
	db_commit(db, on_load, call);
	return ERR_OK;
}

/* ---- sets, changes ---- */

static void on_sets(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e ? NULL : db_reply_rows(reply, 0);
	size_t n = r ? db_rows_n(r) : 0;
	const char **sets = store_call_rows(&e, n, sizeof *sets);

	for (size_t i = 0; sets && i < n; i++)
		sets[i] = db_text(r, i, 0);
	((access_sets_done *)call->done)(call->ctx, e, sets, sets ? n : 0);
	free(sets);
	free(call);
}

enum err access_sets(struct db *db, struct id tenant, access_sets_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	db_arg_int8(&a, ACCESS_SETS_MAX);
	return store_call_run(&(struct store_call_ask){db, &tenant, 1, &sets_stmt, &a, on_sets,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

/* The mark comes with every row, and with one that names no tenant when nothing changed. */
static void on_changed(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e ? NULL : db_reply_rows(reply, 0);
	size_t n = r ? db_rows_n(r) : 0, told = 0;
	struct access_changed *changed = store_call_rows(&e, n, sizeof *changed);

	for (size_t i = 0; changed && i < n; i++)
		if (!db_null(r, i, 0))
			changed[told++] = (struct access_changed){db_id(r, i, 0), db_int(r, i, 1)};
	((access_changed_done *)call->done)(
		call->ctx, e, changed, told, changed ? db_int(r, 0, 2) : 0);
	free(changed);
	free(call);
}

enum err access_changed_since(struct db *db, int64_t mark, access_changed_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int8(&a, mark);
	db_arg_int8(&a, ACCESS_CHANGED_MAX);
	return store_call_run(&(struct store_call_ask){db, NULL, 0, &changed_stmt, &a, on_changed,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}
