#include "stores/shut_out.h"

#include "stores/refresh_sql.h"
#include "stores/store_call.h"

#include <stdlib.h>
#include <string.h>

#define NOBODY "'00000000-0000-0000-0000-000000000000'::uuid"
#define GOOD   " k.revoked_at is null and (k.expires_at is null or k.expires_at > now())"
/* Who holds a key, and whose keys a family hangs on. */
#define HOLDER	  "coalesce(k.user_id, k.principal)"
#define HOLDER_OF "coalesce((select " HOLDER " from api_key k where k.key_id = f.key_id), $3)"
/* Was who holds it, or the tenant, revoked since it was given? */
#define LISTED(GIVEN, WHO)                                                           \
	" exists (select from revocation l where l.tenant_id = $1"                   \
	"  and l.kind = any(array['user', 'tenant']) and l.network = ''"             \
	"  and l.subject = any(array[" WHO ", " NOBODY "]) and l.before_at > " GIVEN \
	" and (l.ends_at is null or l.ends_at > now()))"
#define FAMILY_GIVEN  "coalesce(f.since_at, f.created_at)"
#define KEY_LISTED    LISTED("k.created_at", HOLDER)
#define FAMILY_LISTED LISTED(FAMILY_GIVEN, HOLDER_OF)

/* $2 kind, $3 subject, $4 moment or null, $5 $6 the subject as a family names it, $7 $8 the first
 * and the last address of the network, $9 most. */
static const struct db_stmt count_stmt = {.name = "shut_out_count",
	.sql = "with k as (select k.user_id from api_key k where k.tenant_id = $1 and" GOOD
	       "  and k.created_at < coalesce($4, now())"
	       "  and ($2 = 'tenant' or $3 = case $2 when 'user' then " HOLDER
	       "   when 'credential' then k.key_id end) and not" KEY_LISTED " limit $9),"
	       " f as (select 1 from refresh_family f where f.tenant_id = $1"
	       "  and f.ended_at is null and f.expires_at > now() and" REFRESH_STANDS
	       "  and not" FAMILY_LISTED " and case $2 when 'credential'"
	       "   then $3 = any(array[f.family_id, f.source_id, f.key_id, f.issuer_id])"
	       "   else " FAMILY_GIVEN " < coalesce($4, now()) and case $2 when 'tenant' then true"
	       "    when 'user' then f.principal = any(array[$5, $6])"
	       "    else f.address between $7 and $8 end end limit $9),"
	       " o as (select 1 from api_key k where k.tenant_id = " NOBODY
	       "  and k.operator and k.key_id <> $3 and" GOOD
	       "  and 'operator' = any(coalesce(k.roles, array['operator'])) limit $9)"
	       " select (select count(*) from k), (select count(distinct user_id) from k),"
	       "  (select count(*) from f), (select count(*) from o)",
	.reads = true};

static void on_count(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e ? NULL : db_reply_rows(reply, 0);
	struct shut_out n = {0};

	if (r)
		n = (struct shut_out){.keys = db_int(r, 0, 0),
			.users = db_int(r, 0, 1),
			.families = db_int(r, 0, 2),
			.operators = db_int(r, 0, 3)};
	((shut_out_done *)call->done)(call->ctx, e, e ? NULL : &n);
	free(call);
}

/* A family names its principal as a token does. */
static void principal_args(struct db_args *a, struct id subject)
{
	char text[ID_TEXT_MAX];

	id_format("usr", subject, text);
	db_arg_text(a, text);
	id_format("key", subject, text);
	db_arg_text(a, text);
}

static void network_args(struct db_args *a, const struct egress_net *network)
{
	uint8_t last[sizeof network->bytes];

	memcpy(last, network->bytes, sizeof last);
	for (unsigned bit = network->bits; bit < 8 * sizeof last; bit++)
		last[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	db_arg_bytes(a, (struct db_bytes){network->bytes, sizeof network->bytes});
	db_arg_bytes(a, (struct db_bytes){last, sizeof last});
}

enum err shut_out_count(struct db *db, const struct revocation *r, shut_out_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, r->tenant);
	db_arg_text(&a, revocation_kind_text(r->kind));
	db_arg_id(&a, r->subject);
	db_arg_time(&a, r->before_ms);
	principal_args(&a, r->subject);
	network_args(&a, &r->network);
	db_arg_int8(&a, SHUT_OUT_MAX);
	return store_call_run(&(struct store_call_ask){db, &r->tenant, 1, &count_stmt, &a, on_count,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}
