#include "stores/revocation.h"

#include "stores/believed.h"
#include "stores/owned_sql.h"
#include "stores/store_call.h"

#include <stdlib.h>
#include <string.h>

enum { NETWORK_BYTES = 17 };
#define KEY "key"

#define COLUMNS                                                                    \
	"r.kind, r.tenant_id, r.subject, r.network, r.before_at, r.ends_at, r.seq" \
	", r.taken_at is not null, r.subject_type"
/* How it is shown, behind these. */
#define SHOWN                                                                           \
	"r.revocation_id, r.by_kind, r.by_credential, r.created_at,"                    \
	" coalesce((select t.name from tenant t where t.tenant_id = r.tenant_id), '')," \
	" coalesce((select i.iss from issuer i where i.issuer_id = r.issuer_id), '')"
/* Of its audit row. */
#define OBJECT \
	"case kind when 'tenant' then tenant_id when 'network' then revocation_id else subject end"
#define STANDS " r.taken_at is null and (r.ends_at is null or r.ends_at > now())"
#define THIS   OWNED("revocation", "revocation_id", "$1", "$2")
/* By whom it is asked for, $1: a tenant's own people take back no operator's. */
#define TAKEN_BY \
	" (r.by_kind is distinct from '" AUDIT_OPERATOR "' or $1 = " AUDIT_SYSTEM_SQL "::uuid)"
/* An operator's entry stays one whoever asks for it again. */
#define STAYS " r.taken_at is null and r.by_kind = '" AUDIT_OPERATOR "'"

/* One snapshot: whatever is committed with a number up to the sequence's is in it. */
static const struct db_stmt since_stmt = {.name = "revocation_since",
	.sql = "select s.seq, " COLUMNS
	       ", clock_timestamp() from access_sequence s left join lateral (select *"
	       "  from revocation r where r.seq > $1 order by r.seq limit 1000) r on true"
	       " where s.one order by r.seq",
	.reads = true};

#define NOW_ENDS "date_trunc('milliseconds', clock_timestamp()) + interval '1 millisecond'"
/* Families that are named, or were given for a token that is, end with it; their rows are locked
 * before the sequence's. Its moment is read behind that: what was written by whoever held the
 * sequence before (believed.h) is older. When something was given is known to the millisecond, so
 * the moment is the end of its own: what was given in that very millisecond is shut out. */
static const struct db_stmt put_stmt = {.name = "revocation_put",
	.sql = "with g as (update refresh_family g set ended_at = now() where g.tenant_id = $1"
	       "  and $2 = 'credential' and g.ended_at is null and g.family_id = any(array("
	       "   select $3::uuid union all select f.family_id from refresh_family f"
	       "   where f.tenant_id = $1 and f.source_id = $3)) returning g.family_id),"
	       " s as (update access_sequence set seq = seq + 1"
	       "  where one and (select count(*) from g) >= 0 returning seq),"
	       " r as (insert into revocation as r"
	       "  (tenant_id, kind, subject, network, before_at, ends_at, seq, subject_type,"
	       "   by_kind, by_credential, issuer_id)"
	       "  select $1, $2, $3, $4, coalesce($5, " NOW_ENDS
	       "), $6, s.seq, $13, $7, $10, $14 from s"
	       "  on conflict (tenant_id, kind, subject, network) do update"
	       "  set before_at = greatest(r.before_at, excluded.before_at), seq = excluded.seq,"
	       "   subject_type = excluded.subject_type,"
	       "   by_kind = case when" STAYS " then r.by_kind else excluded.by_kind end,"
	       "   by_credential = case when" STAYS " and excluded.by_kind <> r.by_kind"
	       "    then r.by_credential else excluded.by_credential end,"
	       "   created_at = now(), taken_at = null,"
	       "   issuer_id = coalesce(excluded.issuer_id, r.issuer_id),"
	       "   ends_at = case when r.taken_at is not null then excluded.ends_at"
	       "    when r.ends_at is null or excluded.ends_at is null then null"
	       "    else greatest(r.ends_at, excluded.ends_at) end returning *),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select $12, $7, $8, $9, $10, $11, 'revocation.' || kind, " OBJECT " from r)"
	       " select r.seq, " COLUMNS ", clock_timestamp(), " SHOWN " from r"};

/* Newest first. */
static const struct db_stmt list_stmt = {.name = "revocation_list",
	.sql = "select r.seq, " COLUMNS ", clock_timestamp(), " SHOWN
	       " from revocation r where r.revocation_id < $1 and" STANDS
	       " order by r.revocation_id desc limit $2",
	.reads = true};

static const struct db_stmt list_of_stmt = {.name = "revocation_list_of",
	.sql = "select r.seq, " COLUMNS ", clock_timestamp(), " SHOWN
	       " from revocation r where r.tenant_id = $3 and r.revocation_id < $1 and" STANDS
	       " order by r.tenant_id desc, r.revocation_id desc limit $2",
	.reads = true};

static const struct db_stmt get_stmt = {.name = "revocation_get",
	.sql = "select r.seq, " COLUMNS ", clock_timestamp(), " SHOWN " from " THIS
	       " r where" STANDS,
	.reads = true};

/* The sequence's row first, as where one is added. */
static const struct db_stmt take_stmt = {.name = "revocation_take",
	.sql = "with s as (update access_sequence set seq = seq + 1 where one and" BELIEVED
	       "  and exists (select from " THIS " r where" STANDS " and" TAKEN_BY ")"
	       "  returning seq),"
	       " r as (update revocation r set taken_at = now(), before_at = 'epoch', seq = s.seq,"
	       "  ends_at = now() + interval '2 days'"
	       "  from s where r.revocation_id = any(array(select revocation_id from " THIS " r))"
	       "  and" STANDS " and" TAKEN_BY " returning r.*),"
	       " a as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select $1, $3, $4, $5, $6, $7, 'revocation.remove', " OBJECT " from r)"
	       " select r.seq, " COLUMNS ", clock_timestamp(), " SHOWN " from r"};

static void row_take(struct revocation *one, const struct db_rows *r, size_t i)
{
	struct db_bytes network = db_value(r, i, 4);

	(void)revocation_kind_parse(db_text(r, i, 1), &one->kind);
	one->tenant = db_id(r, i, 2);
	one->subject = db_id(r, i, 3);
	if (network.len == NETWORK_BYTES) {
		memcpy(one->network.bytes, network.bytes, sizeof one->network.bytes);
		one->network.bits = ((const uint8_t *)network.bytes)[NETWORK_BYTES - 1];
	}
	one->before_ms = db_time(r, i, 5);
	one->ends_ms = db_time(r, i, 6);
	one->taken_back = db_int(r, i, 8) != 0;
	one->is_key = strcmp(db_text(r, i, 9), KEY) == 0;
}

static void on_page(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	size_t n = r != NULL ? db_rows_n(r) : 0;
	struct revocation *rows = store_call_rows(&e, n, sizeof(*rows));
	struct revocation_page page = {.list = rows};

	for (size_t i = 0; rows != NULL && i < n && !db_null(r, i, 1); i++)
		row_take(&rows[page.n++], r, i);
	if (rows != NULL) {
		page.now_ms = db_time(r, 0, 10);
		page.more = page.n == REVOCATION_PAGE;
		page.seq = db_int(r, page.more ? n - 1 : 0, page.more ? 7 : 0);
	}
	((revocation_done *)call->done)(call->ctx, e, &page);
	free(rows);
	free(call);
}

enum err revocation_since(struct db *db, int64_t seq, revocation_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_int8(&a, seq);
	return store_call_run(&(struct store_call_ask){db, NULL, 0, &since_stmt, &a, on_page,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

/* ---- shown ---- */

static void entry_take(struct revocation_entry *to, const struct db_rows *r, size_t i)
{
	row_take(&to->r, r, i);
	to->subject_type = db_text(r, i, 9);
	to->id = db_id(r, i, 11);
	to->by_kind = db_text(r, i, 12);
	to->by_credential = db_id(r, i, 13);
	to->created_ms = db_time(r, i, 14);
	to->tenant_name = db_text(r, i, 15);
	to->iss = db_text(r, i, 16);
}

static void tell(struct store_call *call, enum err e, const struct db_rows *r, enum err when_none)
{
	size_t n = r != NULL ? db_rows_n(r) : 0;
	struct revocation_entry *rows;

	if (e == ERR_OK && n == 0)
		e = when_none;
	rows = store_call_rows(&e, n, sizeof(*rows));
	for (size_t i = 0; rows != NULL && i < n; i++)
		entry_take(&rows[i], r, i);
	((revocation_entry_done *)call->done)(call->ctx, e, rows, rows != NULL ? n : 0);
	free(rows);
	free(call);
}

static void on_list(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, e ? NULL : db_reply_rows(reply, 0), ERR_OK);
}

static void on_needed(void *ctx, enum err e, const struct db_reply *reply)
{
	tell(ctx, e, e ? NULL : db_reply_rows(reply, 0), ERR_NOT_FOUND);
}

static void on_taken(void *ctx, enum err e, const struct db_reply *reply)
{
	const struct db_rows *r;

	e = believed_rows(e, reply, &r);
	tell(ctx, e, r, ERR_NOT_FOUND);
}

enum err revocation_put(struct db *db, struct id of, const struct revocation_entry *entry,
	const struct audit_actor *by, revocation_entry_done *done, void *ctx)
{
	const struct revocation *r = &entry->r;
	uint8_t network[NETWORK_BYTES];
	struct db_args a;

	memcpy(network, r->network.bytes, sizeof r->network.bytes);
	network[NETWORK_BYTES - 1] = (uint8_t)r->network.bits;
	db_args_init(&a);
	db_arg_id(&a, r->tenant);
	db_arg_text(&a, revocation_kind_text(r->kind));
	db_arg_id(&a, r->subject);
	db_arg_bytes(
		&a, (struct db_bytes){network, r->kind == REVOCATION_NETWORK ? sizeof network : 0});
	db_arg_time(&a, r->before_ms);
	db_arg_time(&a, r->ends_ms);
	audit_by_args(&a, by);
	db_arg_id(&a, of);
	db_arg_text(&a, entry->subject_type);
	db_arg_id_or_null(&a, entry->issuer);
	return store_call_run(&(struct store_call_ask){db, &r->tenant, 1, &put_stmt, &a, on_needed,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err revocation_list(struct db *db, struct id tenant, struct id after, size_t limit,
	revocation_entry_done *done, void *ctx)
{
	const bool all = id_is_zero(tenant);
	struct db_args a;

	if (id_is_zero(after))
		memset(after.bytes, 0xff, sizeof after.bytes);
	db_args_init(&a);
	db_arg_id(&a, after);
	db_arg_int8(&a, (int64_t)limit);
	if (!all)
		db_arg_id(&a, tenant);
	return store_call_run(
		&(struct store_call_ask){db, NULL, 0, all ? &list_stmt : &list_of_stmt, &a, on_list,
			{.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err revocation_get(
	struct db *db, struct id of, struct id entry, revocation_entry_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, of);
	db_arg_id(&a, entry);
	return store_call_run(&(struct store_call_ask){db, NULL, 0, &get_stmt, &a, on_needed,
		{.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err revocation_take(struct db *db, struct id of, struct id entry, const struct audit_actor *by,
	revocation_entry_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, of);
	db_arg_id(&a, entry);
	audit_by_args(&a, by);
	return believed_run(&(struct store_call_ask){db, &of, 1, &take_stmt, &a, on_taken,
				    {.done = (store_call_fn *)done, .ctx = ctx}},
		by);
}
