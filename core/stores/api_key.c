#include "stores/api_key.h"

#include "stores/believed.h"
#include "stores/owned_sql.h"
#include "stores/store_call.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS                                                                                \
	"k.tenant_id, k.key_id, k.hash, k.name, k.operator, k.created_at, k.revoked_at,"       \
	" k.last_used_at, coalesce((select t.name from tenant t where t.tenant_id ="           \
	" k.tenant_id), ''), k.user_id, array_to_string(k.roles, ' '), k.principal, k.scopes," \
	" k.expires_at, coalesce(k.person, k.principal), k.rotated_to is not null"

/* The good keys of tenant, but for except, are fewer than most; 0: however many there are. As
 * api_key_good has them. */
#define ROOM(tenant, except, most)                                                                 \
	" (" most " = 0 or " most " > (select count(*) from (select from api_key g"                \
	"  where g.tenant_id = " tenant " and g.revoked_at is null"                                \
	"  and coalesce(g.expires_at, 'infinity') > now() and g.key_id <> " except "  limit " most \
	") good))"
#define NONE	   AUDIT_SYSTEM_SQL "::uuid"
#define ROOM_FIRST ROOM("$1", NONE, "$16::int8")
/* Of the old key's place, when it ends with its rotation. */
#define REPLACED  "case when $5::int8 = 0 then $1 else " NONE " end"
#define ROOM_NEXT ROOM("$2", REPLACED, "$12::int8")

#define THIS OWNED("api_key", "key_id", "$2", "$1")
#define OF   " key_id = any(array(select key_id from " THIS " this))"

/* The keys of ended go on the list for what was bought with them, with the number of s. */
#define LISTED(ended, by_kind, by_credential)                                                    \
	" r as (insert into revocation as r (tenant_id, kind, subject, before_at, ends_at, seq," \
	"   subject_type, by_kind, by_credential)"                                               \
	"  select e.tenant_id, 'credential', e.key_id, now(), now() + interval '2 days',"        \
	"   s.seq, 'key', " by_kind ", " by_credential " from " ended " e, s"                    \
	"  on conflict (tenant_id, kind, subject, network) do update set"                        \
	"  seq = excluded.seq, ends_at = excluded.ends_at)"
#define LISTED_THIS LISTED("k", "$3", "$6")
#define LISTED_NEXT LISTED("o", "$6", "$9")

/* One more key of a tenant at a time: the next one's count sees what this one has committed. */
static const struct db_stmt turn_stmt = {.name = "api_key_turn",
	.sql = "select pg_advisory_xact_lock(720713004, hashtext($1::uuid::text))"};

static const struct db_stmt room_stmt = {.name = "api_key_room",
	.sql = "select" ROOM("$1::uuid", "$2::uuid", "$3::int8"),
	.reads = true};

static const struct db_stmt insert_stmt = {.name = "api_key_insert",
	.sql = "with k as (insert into api_key (tenant_id, key_id, hash, name, operator, roles, user_id,"
	       "   scopes, expires_at, person)"
	       "  select $1, $2, $3, $4, $5, string_to_array($6, ' '), u.user_id, $8, $9,"
	       "   case when $5 then $15::uuid end"
	       "  from (values (1)) one left join app_user u on u.tenant_id = $1 and u.name = $7"
	       "  where ($5 or exists (select from tenant where tenant_id = $1))"
	       "  and ($7 is null or u.user_id is not null) and" ROOM_FIRST "  and" BELIEVED
	       " returning *),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select tenant_id, $10, $11, $12, $13, $14, 'api_key.create', key_id from k)"
	       " select " COLUMNS " from k"};

static const struct db_stmt find_stmt = {.name = "api_key_find",
	.sql = "select " COLUMNS " from api_key k where k.hash = $1 and k.revoked_at is null"
	       " and (k.expires_at is null or k.expires_at > now())",
	.reads = true};

static const struct db_stmt get_stmt = {
	.name = "api_key_get", .sql = "select " COLUMNS " from " THIS " k", .reads = true};

static const struct db_stmt list_stmt = {.name = "api_key_list",
	.sql = "select " COLUMNS
	       " from api_key k where k.tenant_id = $1 and ($2::uuid is null or k.key_id < $2)"
	       " order by k.tenant_id desc, k.key_id desc limit $3",
	.reads = true};

/* The sequence's row first, as who makes a successor has it. */
static const struct db_stmt revoke_stmt = {.name = "api_key_revoke",
	.sql = "with s as (update access_sequence set seq = seq + 1"
	       "  where one and exists (select from " THIS " this) returning seq),"
	       " k as (update api_key set revoked_at = coalesce(revoked_at, now())"
	       "  where exists (select from s) and" OF " returning *)," LISTED_THIS ","
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select $2, $3, $4, $5, $6, $7, 'api_key.revoke', key_id from k)"
	       " select " COLUMNS " from k"};

static const struct db_stmt rotate_stmt = {.name = "api_key_rotate",
	.sql = "with p as (select expires_at - created_at as life from " THIS " this),"
	       " o as (update api_key set rotated_to = $3,"
	       "  expires_at = least(expires_at, now() + $5::int8 * interval '1 second')"
	       "  where" OF " and revoked_at is null and rotated_to is null"
	       "  and (expires_at is null or expires_at > now()) and" ROOM_NEXT "  and" BELIEVED
	       " returning *),"
	       " k as (insert into api_key (tenant_id, key_id, hash, name, operator, user_id, roles,"
	       "   scopes, first_key, expires_at, person)"
	       "  select tenant_id, $3, $4, name, operator, user_id, roles, scopes, principal,"
	       "   now() + p.life, case when operator then $11::uuid end from o, p returning *),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select $2, $6, $7, $8, $9, $10, 'api_key.rotate', key_id from o),"
	       " s as (update access_sequence set seq = seq + 1"
	       "  where one and $5 = 0 and exists (select from o) returning seq)," LISTED_NEXT
	       " select " COLUMNS " from k"};

static const struct db_stmt touch_stmt = {.name = "api_key_touch",
	.sql = "update api_key k set last_used_at = now() where k.ctid = any(array("
	       " select k.ctid from unnest($1) u(key_id) cross join lateral"
	       " (select k.ctid from api_key k where k.key_id = u.key_id limit 1 for"
	       " update skip locked) "
	       "k))"};

static const struct db_stmt bootstrap_stmt = {.name = "api_key_bootstrap",
	.sql = "with k as (insert into api_key (tenant_id, key_id, hash, name, operator)"
	       "  select " AUDIT_SYSTEM_SQL ", $1, $2, $3, true"
	       "  where ($4 or not exists (select from api_key where operator))"
	       "  and pg_advisory_xact_lock(720713002) is not null returning *),"
	       " a as (insert into audit (tenant_id, actor_kind, action, object)"
	       "  select tenant_id, 'cli', 'api_key.bootstrap', key_id from k)"
	       " select tenant_id, key_id, hash, name, operator, created_at, revoked_at,"
	       " last_used_at, '', user_id, array_to_string(roles, ' '), principal, scopes, expires_at,"
	       " principal, rotated_to is not null from k"};

static void tell(struct store_call *call, enum err e, const struct db_rows *r, enum err when_none)
{
	size_t n = r != NULL ? db_rows_n(r) : 0, i;
	struct api_key *rows;

	if (e == ERR_OK && n == 0)
		e = when_none;
	rows = store_call_rows(&e, n, sizeof(*rows));
	for (i = 0; rows != NULL && i < n; i++) {
		struct db_bytes hash = db_value(r, i, 2);

		rows[i].tenant = db_id(r, i, 0);
		rows[i].id = db_id(r, i, 1);
		if (hash.len == API_KEY_HASH_BYTES)
			memcpy(rows[i].hash, hash.bytes, hash.len);
		rows[i].name = db_text(r, i, 3);
		rows[i].operator= db_int(r, i, 4) != 0;
		rows[i].created_ms = db_time(r, i, 5);
		rows[i].revoked_ms = db_time(r, i, 6);
		rows[i].last_used_ms = db_time(r, i, 7);
		rows[i].tenant_name = db_text(r, i, 8);
		rows[i].user = db_id(r, i, 9);
		rows[i].roles = db_text(r, i, 10);
		rows[i].principal = db_id(r, i, 11);
		rows[i].scopes = db_text(r, i, 12);
		rows[i].has_scopes = !db_null(r, i, 12);
		rows[i].expires_ms = db_time(r, i, 13);
		rows[i].person = db_id(r, i, 14);
		rows[i].is_rotated = db_int(r, i, 15) != 0;
	}
	((api_key_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

static void on_found(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, e == ERR_OK ? db_reply_rows(reply, 0) : NULL, ERR_OK);
}

static void on_needed(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, e == ERR_OK ? db_reply_rows(reply, 0) : NULL, ERR_NOT_FOUND);
}

static void on_bootstrap(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, e == ERR_OK ? db_reply_rows(reply, 0) : NULL, ERR_CONFLICT);
}

/* What a transaction that makes a key answers, in order. */
enum { MADE_TURN, MADE_ASKED, MADE_ROOM = MADE_ASKED + BELIEVED_REPLIES, MADE_KEY };

static void on_made(void *ctx, enum err e, const struct db_reply *reply)
{
	bool full;

	e = believed_told(e, reply, MADE_ASKED);
	full = !e && db_int(db_reply_rows(reply, MADE_ROOM), 0, 0) == 0;
	tell(ctx, e, e ? NULL : db_reply_rows(reply, MADE_KEY),
		full ? ERR_KEYS_FULL : ERR_NOT_FOUND);
}

static void room_args(struct db_args *a, struct id tenant, struct id except, int64_t most)
{
	db_args_init(a);
	db_arg_id(a, tenant);
	db_arg_id(a, except);
	db_arg_int8(a, most);
}

/* The old key does not count where it ends with its rotation. */
static struct id replaced(const struct api_key_rotation *rotation)
{
	const struct id none = {{0}};

	return rotation->overlap_s ? none : rotation->old;
}

/* A transaction of a turn, two looks and stmt, which takes args. */
struct making {
	struct db *db;
	struct id tenant, except;
	int64_t most;
	const struct audit_actor *by;
	const struct db_stmt *stmt;
	struct db_args *args;
};
static enum err make(const struct making *m, api_key_done *done, void *ctx)
{
	struct store_call *call;
	enum err e = store_call_begin(m->db, &m->tenant, 1, &call);
	struct db_args a;

	if (e != ERR_OK) {
		db_args_clear(m->args);
		return e;
	}
	*call = (struct store_call){.done = (store_call_fn *)done, .ctx = ctx, .db = m->db};
	db_args_init(&a);
	db_arg_id(&a, m->tenant);
	db_query(m->db, &turn_stmt, &a);
	believed_ask(m->db, m->by);
	room_args(&a, m->tenant, m->except, m->most);
	db_query(m->db, &room_stmt, &a);
	db_query(m->db, m->stmt, m->args);
	db_commit(m->db, on_made, call);
	return ERR_OK;
}

static struct db_bytes hash_bytes(const uint8_t *hash)
{
	return (struct db_bytes){hash, API_KEY_HASH_BYTES};
}

enum err api_key_insert(struct db *db, const struct api_key *key, int64_t most,
	const struct audit_actor *by, api_key_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, key->tenant);
	db_arg_id(&a, key->id);
	db_arg_bytes(&a, hash_bytes(key->hash));
	db_arg_text(&a, key->name != NULL ? key->name : "");
	db_arg_bool(&a, key->operator);
	db_arg_text(&a, key->roles);
	db_arg_text(&a, key->user_name);
	db_arg_text(&a, key->has_scopes ? key->scopes : NULL);
	db_arg_time(&a, key->expires_ms);
	audit_by_args(&a, by);
	db_arg_id_or_null(&a, key->person);
	db_arg_int8(&a, most);
	return make(&(struct making){.db = db,
			    .tenant = key->tenant,
			    .most = most,
			    .by = by,
			    .stmt = &insert_stmt,
			    .args = &a},
		done, ctx);
}

enum err api_key_find(
	struct db *db, const uint8_t hash[API_KEY_HASH_BYTES], api_key_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_bytes(&a, hash_bytes(hash));
	return store_call_run(&(struct store_call_ask){db, NULL, 0, &find_stmt, &a, on_found,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err api_key_get(struct db *db, struct id of, struct id key, api_key_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, key);
	db_arg_id(&a, of);
	return store_call_run(&(struct store_call_ask){db, NULL, 0, &get_stmt, &a, on_needed,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err api_key_list(struct db *db, struct id tenant, struct id after, size_t limit,
	api_key_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	db_arg_id_or_null(&a, after);
	db_arg_int8(&a, (int64_t)limit);
	return store_call_run(&(struct store_call_ask){db, NULL, 0, &list_stmt, &a, on_found,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err api_key_revoke(struct db *db, struct id of, struct id key, const struct audit_actor *by,
	api_key_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, key);
	db_arg_id(&a, of);
	audit_by_args(&a, by);
	return store_call_run(&(struct store_call_ask){db, &of, 1, &revoke_stmt, &a, on_needed,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err api_key_rotate(struct db *db, const struct api_key_rotation *rotation,
	const struct audit_actor *by, api_key_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, rotation->old);
	db_arg_id(&a, rotation->of);
	db_arg_id(&a, rotation->key.id);
	db_arg_bytes(&a, hash_bytes(rotation->key.hash));
	db_arg_int8(&a, rotation->overlap_s);
	audit_by_args(&a, by);
	db_arg_id_or_null(&a, rotation->key.person);
	db_arg_int8(&a, rotation->most);
	return make(&(struct making){.db = db,
			    .tenant = rotation->of,
			    .except = replaced(rotation),
			    .most = rotation->most,
			    .by = by,
			    .stmt = &rotate_stmt,
			    .args = &a},
		done, ctx);
}

static void on_room(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;

	if (e == ERR_OK && db_int(db_reply_rows(reply, 0), 0, 0) == 0)
		e = ERR_KEYS_FULL;
	((api_key_room_done *)call->done)(call->ctx, e);
	free(call);
}

enum err api_key_room(
	struct db *db, const struct api_key_rotation *rotation, api_key_room_done *done, void *ctx)
{
	struct db_args a;

	room_args(&a, rotation->of, replaced(rotation), rotation->most);
	return store_call_run(&(struct store_call_ask){db, &rotation->of, 1, &room_stmt, &a,
		on_room, {.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err api_key_touch(struct db *db, const struct id *keys, size_t n, db_done_fn *done, void *ctx)
{
	enum err e = db_begin(db, NULL, 0);
	struct db_args a;

	if (e != ERR_OK)
		return e;
	db_args_init(&a);
	db_arg_ids(&a, keys, n);
	db_query(db, &touch_stmt, &a);
	db_commit(db, done, ctx);
	return ERR_OK;
}

enum err api_key_bootstrap(
	struct db *db, const struct api_key *key, bool another, api_key_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, key->id);
	db_arg_bytes(&a, hash_bytes(key->hash));
	db_arg_text(&a, key->name != NULL ? key->name : "");
	db_arg_bool(&a, another);
	return store_call_run(&(struct store_call_ask){db, NULL, 0, &bootstrap_stmt, &a,
		on_bootstrap, {.done = (store_call_fn *)done, .ctx = ctx}});
}
