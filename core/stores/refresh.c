#include "stores/refresh.h"

#include "stores/refresh_sql.h"
#include "stores/store_call.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS                                                                           \
	"f.tenant_id, f.family_id, f.principal, f.key_id, f.issuer_id, f.scope, f.roles," \
	" f.address, coalesce(f.since_at, f.created_at), f.expires_at, f.source_id"
/* The access tokens of families that g ended; a day is the longest that a token lives. listed: they
 * go on the list. */
#define SHUT_OUT(listed)                                                                       \
	" s as (update access_sequence set seq = seq + 1 where one and exists (select from g)" \
	"  and " listed " returning seq),"                                                     \
	" r as (insert into revocation (tenant_id, kind, subject, before_at, ends_at, seq,"    \
	"   subject_type)"                                                                     \
	"  select g.tenant_id, 'credential', g.family_id, now(), now() + interval '2 days',"   \
	"   s.seq, 'fam' from g, s on conflict (tenant_id, kind, subject, network) do update"  \
	"  set seq = excluded.seq, ends_at = excluded.ends_at)"

static const struct db_stmt begin_stmt = {.name = "refresh_begin",
	.sql = "with f as (insert into refresh_family (tenant_id, family_id, principal, key_id,"
	       "   issuer_id, scope, roles, address, expires_at, source_id, since_at)"
	       "  values ($1, $2, $3, $4, $5, $6, $7, $8, now() + $9::int8 * interval '1 second',"
	       "   $16, $17)"
	       "  returning *),"
	       " t as (insert into refresh_token (tenant_id, family_id, hash)"
	       "  select tenant_id, family_id, $10 from f),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select tenant_id, $11, $12, $13, $14, $15, 'refresh.begin', family_id from f)"
	       " select 0, " COLUMNS " from f"};

/* Two at once: the second waits for the row of the first, finds it used, and u stays empty. */
static const struct db_stmt use_stmt = {.name = "refresh_use",
	.sql = "with f as materialized (select f.* from refresh_token t"
	       "  cross join lateral (select * from refresh_family f where f.tenant_id = t.tenant_id"
	       "   and f.family_id = t.family_id and f.ended_at is null and f.expires_at > now()"
	       "   and" REFRESH_STANDS " limit 1) f where t.tenant_id = $1 and t.hash = $2),"
	       " u as (update refresh_token t set used_at = now() from f where t.tenant_id = $1"
	       "  and t.hash = $2 and t.used_at is null returning t.family_id),"
	       " n as (insert into refresh_token (tenant_id, family_id, hash)"
	       "  select $1, u.family_id, $3 from u),"
	       " g as (update refresh_family g set ended_at = now() from f where g.tenant_id = $1"
	       "  and g.family_id = f.family_id and not exists (select from u) returning g.*)," SHUT_OUT(
		       "$9::boolean") ","
				      " a as (insert into audit (tenant_id, " AUDIT_BY
				      ", action, object, outcome)"
				      "  select $1, $4, $5, $6, coalesce($7, w.family_id), $8, w.action,"
				      "   w.object, w.outcome from"
				      "  (select family_id, 'refresh.reuse' as action, family_id as object,"
				      "    'denied' as outcome from g union all"
				      "   select family_id, 'token.refresh', $10::uuid, 'ok' from u) w)"
				      " select case when exists (select from u) then 0"
				      "  when exists (select from g) then 2 else 1 end, " COLUMNS
				      " from access_sequence o left join f on true where o.one"};

static const struct db_stmt end_stmt = {.name = "refresh_end",
	.sql = "with g as (update refresh_family g set ended_at = now() from refresh_token t"
	       "  where t.tenant_id = $1 and t.hash = $2 and g.tenant_id = t.tenant_id"
	       "  and g.family_id = t.family_id and g.ended_at is null returning g.*)," SHUT_OUT(
		       "$8::boolean") ","
				      " a as (insert into audit (tenant_id, " AUDIT_BY
				      ", action, object)"
				      "  select tenant_id, $3, $4, $5, coalesce($6, family_id), $7, 'refresh.end',"
				      "   family_id from g)"
				      " select case when exists (select from g) then 0 else 1 end, " COLUMNS
				      " from access_sequence o left join g f on true where o.one"};

static void family_take(struct refresh_family *f, const struct db_rows *r)
{
	struct db_bytes address = db_value(r, 0, 8);

	*f = (struct refresh_family){.tenant = db_id(r, 0, 1),
		.family = db_id(r, 0, 2),
		.principal = db_text(r, 0, 3),
		.key = db_id(r, 0, 4),
		.issuer = db_id(r, 0, 5),
		.scope = db_null(r, 0, 6) ? NULL : db_text(r, 0, 6),
		.roles = db_text(r, 0, 7),
		.since_ms = db_time(r, 0, 9),
		.expires_ms = db_time(r, 0, 10),
		.source = db_id(r, 0, 11)};
	if (address.len == sizeof f->address)
		memcpy(f->address, address.bytes, sizeof f->address);
}

static void on_family(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	enum refresh_outcome outcome = REFRESH_UNKNOWN;
	struct refresh_family family;

	if (r != NULL && db_rows_n(r) > 0)
		outcome = (enum refresh_outcome)db_int(r, 0, 0);
	if (e == ERR_OK && outcome == REFRESH_OK)
		family_take(&family, r);
	((refresh_done *)call->done)(
		call->ctx, e, outcome, e == ERR_OK && outcome == REFRESH_OK ? &family : NULL);
	free(call);
}

static struct db_bytes hash_bytes(const uint8_t *hash)
{
	return (struct db_bytes){hash, DIGEST_SIZE};
}

enum err refresh_begin(struct db *db, const struct refresh_family *f,
	const uint8_t hash[DIGEST_SIZE], const struct audit_actor *by, refresh_done *done,
	void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, f->tenant);
	db_arg_id(&a, f->family);
	db_arg_text(&a, f->principal);
	db_arg_id_or_null(&a, f->key);
	db_arg_id_or_null(&a, f->issuer);
	db_arg_text(&a, f->scope);
	db_arg_text(&a, f->roles);
	db_arg_bytes(&a, (struct db_bytes){f->address, sizeof f->address});
	db_arg_int8(&a, f->life_s);
	db_arg_bytes(&a, hash_bytes(hash));
	audit_by_args(&a, by);
	db_arg_id_or_null(&a, f->source);
	db_arg_time(&a, f->since_ms);
	return store_call_run(&(struct store_call_ask){db, &f->tenant, 1, &begin_stmt, &a,
		on_family, {.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err refresh_use(struct db *db, const struct refresh_use *use, refresh_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, use->tenant);
	db_arg_bytes(&a, hash_bytes(use->hash));
	db_arg_bytes(&a, hash_bytes(use->next));
	audit_by_args(&a, &use->by);
	db_arg_bool(&a, use->listed);
	db_arg_id(&a, use->access);
	return store_call_run(&(struct store_call_ask){db, &use->tenant, 1, &use_stmt, &a,
		on_family, {.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err refresh_end(struct db *db, const struct refresh_use *use, refresh_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, use->tenant);
	db_arg_bytes(&a, hash_bytes(use->hash));
	audit_by_args(&a, &use->by);
	db_arg_bool(&a, use->listed);
	return store_call_run(&(struct store_call_ask){db, &use->tenant, 1, &end_stmt, &a,
		on_family, {.done = (store_call_fn *)done, .ctx = ctx}});
}
