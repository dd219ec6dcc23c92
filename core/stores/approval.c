#include "stores/approval.h"

#include "stores/believed.h"
#include "stores/store_call.h"
#include "stores/subject_key.h"

#include <stdlib.h>

static const struct db_stmt rule_stmt = {.name = "approval_rule",
	.sql = "select tenant_id, two_people from tenant where tenant_id = $1 and $2::text is null"
	       " union all select tenant_id, two_people from tenant where name = $2",
	.reads = true};
static const struct db_stmt rule_of_key_stmt = {.name = "approval_rule_of_key",
	.sql = "select k.tenant_id, coalesce(t.two_people, false) from api_key k"
	       " left join tenant t on t.tenant_id = k.tenant_id where k.key_id = $1",
	.reads = true};
static const struct db_stmt rule_of_revocation_stmt = {.name = "approval_rule_of_revocation",
	.sql = "select r.tenant_id, coalesce(t.two_people, false) from revocation r"
	       " left join tenant t on t.tenant_id = r.tenant_id"
	       " where r.revocation_id = $1 and r.taken_at is null",
	.reads = true};
static const struct db_stmt rule_set_stmt = {.name = "approval_rule_set",
	.sql = "with t as (update tenant set two_people = $2, version = version + 1"
	       "  where tenant_id = $1 and" BELIEVED " returning tenant_id)"
	       " insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       " select tenant_id, $3, $4, $5, $6, $7,"
	       "  case when $2 then 'two_people.on' else 'two_people.off' end, tenant_id from t"};

/* Who gave it is shut out since, with all that they had been given, or disabled. */
#define GIVER_OUT                                                                         \
	" (exists (select from revocation l where l.tenant_id = a.tenant_id"              \
	"   and l.kind = any(array['user', 'tenant']) and l.network = ''"                 \
	"   and l.subject = any(array[a.decided_by, " AUDIT_SYSTEM_SQL "])"               \
	"   and l.before_at > a.decided_at and (l.ends_at is null or l.ends_at > now()))" \
	"  or exists (select from app_user u where u.tenant_id = a.tenant_id"             \
	"   and u.user_id = a.decided_by and u.disabled_at is not null))"

/* $2 digest, $3 principal, $4 keeps, $5.. audit. */
static const struct db_stmt take_stmt = {.name = "approval_take",
	.sql = "with u as (update approval set state = case when $4 then state else 'used' end"
	       "  where ctid = (select a.ctid from approval a where a.tenant_id = $1"
	       "    and a.digest = $2 and a.state = 'approved' and a.asked_by = $3"
	       "    and a.expires_at > now() and not" GIVER_OUT
	       " limit 1 for update) returning tenant_id, approval_id),"
	       " au as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
	       "  select tenant_id, $5, $6, $7, $8, $9, 'approval.use', approval_id from u)"
	       " select approval_id from u"};

/* $2 id, $3 action, $4 digest, $5 principal, $6 credential, $7 is a user, $8 call, $9.. audit, $14
 * person. What is over for a month goes. */
static const struct db_stmt ask_stmt = {.name = "approval_ask",
	.sql = "with gone as (delete from approval where ctid = any(array(select a.ctid"
	       "   from approval a where a.tenant_id = $1"
	       "   and a.expires_at < now() - interval '30 days' limit 100))),"
	       " open as materialized (select a.approval_id, a.digest = $4 and a.asked_by = $5 as same"
	       "  from approval a where a.tenant_id = $1 and a.state = 'pending'"
	       "  and a.expires_at > now() limit " SQL_NUMBER(
		       APPROVAL_PENDING_MAX) "),"
					     " i as (insert into approval (tenant_id, approval_id, action, digest, asked_by,"
					     "   asked_credential, asked_for_user, expires_at, call, asked_person)"
					     "  select $1, $2, $3, $4, $5, $6, $7, now() + interval '" APPROVAL_LIFE
					     "', $8, $14"
					     "  where not exists (select from open where same)"
					     "  and (select count(*) from open) < " SQL_NUMBER(
						     APPROVAL_PENDING_MAX) "  returning tenant_id, approval_id),"
									   " au as (insert into audit (tenant_id, " AUDIT_BY
									   ", action, object)"
									   "  select tenant_id, $9, $10, $11, $12, $13, 'approval.ask', approval_id from i)"
									   " select approval_id from i union all select approval_id from open where same"};

#define STATE                                                                                   \
	"case when a.state in ('pending', 'approved') and a.expires_at <= now() then 'expired'" \
	" when a.state = 'approved' and" GIVER_OUT " then 'expired' else a.state end"
#define COLUMNS                                                                          \
	"a.approval_id, a.action, " STATE ", a.asked_by,"                                \
	" a.decided_by, a.asked_for_user, a.decided_for_user, a.asked_at, a.expires_at," \
	" a.decided_at, a.call, " TENANT_KEY_OF("a")
static const struct db_stmt list_stmt = {.name = "approval_list",
	.sql = "select " COLUMNS " from approval a where a.tenant_id = $1"
	       " and ($2::uuid is null or a.approval_id < $2)"
	       " and ($4::text is null or " STATE " = $4)"
	       " order by a.tenant_id desc, a.approval_id desc limit $3",
	.reads = true};

/* $2 id, $3 principal, $4 credential, $5 is a user, $6 approve, $7.. audit, $12 person. The row as
 * it was: who may not is told so, and nothing is changed. */
#define SAME(principal, credential, person)                               \
	"(a.asked_by = " principal " or a.asked_credential = " credential \
	" or coalesce(a.asked_person, a.asked_by) = " person ")"
static const struct db_stmt look_stmt = {.name = "approval_look",
	.sql = "select a.state = 'pending' and a.expires_at > now(),"
	       " $4 and " SAME("$2", "$3",
		       "$6") " from approval a where a.tenant_id = $1 and a.approval_id = $5 for update"};
static const struct db_stmt decide_stmt = {.name = "approval_decide",
	.sql = "with a as (update approval a set decided_by = $3, decided_for_user = $5,"
	       "   decided_at = now(), state = case when $6 then 'approved' else 'refused' end"
	       "  where a.tenant_id = $1 and a.approval_id = $2 and" BELIEVED
	       " and a.state = 'pending'"
	       "  and a.expires_at > now() and not ($6 and " SAME("$3", "$4",
		       "$12") ")"
			      "  returning *),"
			      " au as (insert into audit (tenant_id, " AUDIT_BY ", action, object)"
			      "  select tenant_id, $7, $8, $9, $10, $11,"
			      "   case when $6 then 'approval.approve' else 'approval.refuse' end, approval_id from a)"
			      " select " COLUMNS " from a"};

/* ---- the rule ---- */

static void on_rule(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;
	struct approval_rule rule = {.two_people = false};

	if (r != NULL && db_rows_n(r) == 0)
		e = ERR_NOT_FOUND;
	if (e == ERR_OK)
		rule = (struct approval_rule){db_id(r, 0, 0), db_int(r, 0, 1) != 0};
	((approval_rule_done *)call->done)(call->ctx, e, &rule);
	free(call);
}

enum err approval_rule_read(
	struct db *db, struct id tenant, const char *name, approval_rule_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, tenant);
	db_arg_text(&a, name);
	return store_call_run(&(struct store_call_ask){.db = db,
		.tenants = &tenant,
		.tenants_n = 1,
		.stmt = &rule_stmt,
		.args = &a,
		.on_done = on_rule,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}

static enum err rule_of(struct db *db, const struct db_stmt *stmt, struct id thing,
	approval_rule_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, thing);
	return store_call_run(&(struct store_call_ask){.db = db,
		.stmt = stmt,
		.args = &a,
		.on_done = on_rule,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}

enum err approval_rule_of_key(struct db *db, struct id key, approval_rule_done *done, void *ctx)
{
	return rule_of(db, &rule_of_key_stmt, key, done, ctx);
}

enum err approval_rule_of_revocation(
	struct db *db, struct id revocation, approval_rule_done *done, void *ctx)
{
	return rule_of(db, &rule_of_revocation_stmt, revocation, done, ctx);
}

static void on_rule_set(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;

	((approval_rule_set_done *)call->done)(call->ctx, believed_told(e, reply, 0));
	free(call);
}

enum err approval_rule_set(struct db *db, const struct approval_rule *rule,
	const struct audit_actor *by, approval_rule_set_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, rule->tenant);
	db_arg_bool(&a, rule->two_people);
	audit_by_args(&a, by);
	return believed_run(&(struct store_call_ask){db, &rule->tenant, 1, &rule_set_stmt, &a,
				    on_rule_set, {.done = (store_call_fn *)done, .ctx = ctx}},
		by);
}

/* ---- asking, and using ---- */

static void on_take(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const bool taken = e == ERR_OK && db_rows_n(db_reply_rows(reply, 0)) > 0;

	((approval_take_done *)call->done)(call->ctx, e, taken);
	free(call);
}

enum err approval_take(struct db *db, const struct approval_call *ask, const struct audit_actor *by,
	approval_take_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, ask->tenant);
	db_arg_id(&a, ask->digest);
	db_arg_id(&a, ask->by.principal);
	db_arg_bool(&a, ask->keeps);
	audit_by_args(&a, by);
	return store_call_run(&(struct store_call_ask){.db = db,
		.tenants = &ask->tenant,
		.tenants_n = 1,
		.stmt = &take_stmt,
		.args = &a,
		.on_done = on_take,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}

static void on_ask(void *ctx, enum err e, const struct db_reply *reply)
{
	struct store_call *call = ctx;
	const struct db_rows *r = e == ERR_OK ? db_reply_rows(reply, 0) : NULL;

	if (r != NULL && db_rows_n(r) == 0)
		e = ERR_TENANT_FULL;
	((approval_ask_done *)call->done)(
		call->ctx, e, e == ERR_OK ? db_id(r, 0, 0) : (struct id){{0}});
	free(call);
}

enum err approval_ask(struct db *db, const struct approval_call *ask, const struct audit_actor *by,
	approval_ask_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, ask->tenant);
	db_arg_id(&a, ask->id);
	db_arg_text(&a, ask->action);
	db_arg_id(&a, ask->digest);
	db_arg_id(&a, ask->by.principal);
	db_arg_id(&a, ask->by.credential);
	db_arg_bool(&a, ask->by.is_user);
	db_arg_bytes(&a, ask->sealed);
	audit_by_args(&a, by);
	db_arg_id(&a, ask->by.person);
	return store_call_run(&(struct store_call_ask){.db = db,
		.tenants = &ask->tenant,
		.tenants_n = 1,
		.stmt = &ask_stmt,
		.args = &a,
		.on_done = on_ask,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}

/* ---- deciding ---- */

static void approval_take_row(struct approval *row, const struct db_rows *r, size_t i)
{
	*row = (struct approval){
		.id = db_id(r, i, 0),
		.action = db_text(r, i, 1),
		.state = db_text(r, i, 2),
		.asked_by = db_id(r, i, 3),
		.decided_by = db_id(r, i, 4),
		.asked_for_user = db_int(r, i, 5) != 0,
		.decided_for_user = db_int(r, i, 6) != 0,
		.asked_ms = db_time(r, i, 7),
		.expires_ms = db_time(r, i, 8),
		.decided_ms = db_time(r, i, 9),
		.call = db_value(r, i, 10),
	};
}

static void page_tell(struct store_call *call, enum err e, const struct db_rows *r)
{
	const size_t n = r != NULL ? db_rows_n(r) : 0;
	struct approval *rows = store_call_rows(&e, n, sizeof(*rows));
	struct approval_page page = {.rows = rows, .n = rows != NULL ? n : 0};

	for (size_t i = 0; i < page.n; i++)
		approval_take_row(&rows[i], r, i);
	if (page.n > 0)
		page.key = subject_key_take(r, 0, 11);
	((approval_page_done *)call->done)(call->ctx, e, &page);
	free(rows);
	free(call);
}

static void on_list(void *ctx, enum err e, const struct db_reply *reply)
{
	page_tell(ctx, e, e == ERR_OK ? db_reply_rows(reply, 0) : NULL);
}

enum err approval_list(
	struct db *db, const struct approval_wanted *wanted, approval_page_done *done, void *ctx)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, wanted->tenant);
	db_arg_id_or_null(&a, wanted->after);
	db_arg_int8(&a, (int64_t)wanted->limit);
	db_arg_text(&a, wanted->state);
	return store_call_run(&(struct store_call_ask){.db = db,
		.tenants = &wanted->tenant,
		.tenants_n = 1,
		.stmt = &list_stmt,
		.args = &a,
		.on_done = on_list,
		.with = {.done = (store_call_fn *)done, .ctx = ctx}});
}

/* What a transaction that decides answers, in order. */
enum { DECIDE_ASKED, DECIDE_WAS = BELIEVED_REPLIES, DECIDE_IS };

static void on_decide(void *ctx, enum err e, const struct db_reply *reply)
{
	const struct db_rows *was, *is;

	e = believed_told(e, reply, DECIDE_ASKED);
	was = e ? NULL : db_reply_rows(reply, DECIDE_WAS);
	is = e ? NULL : db_reply_rows(reply, DECIDE_IS);
	if (was != NULL && db_rows_n(was) == 0)
		e = ERR_NOT_FOUND;
	else if (was != NULL && db_int(was, 0, 1) != 0)
		e = ERR_FORBIDDEN;
	else if (was != NULL && db_rows_n(is) == 0)
		e = ERR_CONFLICT;
	page_tell(ctx, e, e == ERR_OK ? is : NULL);
}

static void look_query(struct db *db, const struct approval_decision *d)
{
	struct db_args a;

	db_args_init(&a);
	db_arg_id(&a, d->tenant);
	db_arg_id(&a, d->by.principal);
	db_arg_id(&a, d->by.credential);
	db_arg_bool(&a, d->approve);
	db_arg_id(&a, d->id);
	db_arg_id(&a, d->by.person);
	db_query(db, &look_stmt, &a);
}

enum err approval_decide(struct db *db, const struct approval_decision *d,
	const struct audit_actor *by, approval_page_done *done, void *ctx)
{
	struct db_args a;
	struct store_call *call;
	enum err e = store_call_begin(db, &d->tenant, 1, &call);

	if (e != ERR_OK)
		return e;
	*call = (struct store_call){.done = (store_call_fn *)done, .ctx = ctx, .db = db};
	believed_ask(db, by);
	look_query(db, d);
	db_args_init(&a);
	db_arg_id(&a, d->tenant);
	db_arg_id(&a, d->id);
	db_arg_id(&a, d->by.principal);
	db_arg_id(&a, d->by.credential);
	db_arg_bool(&a, d->by.is_user);
	db_arg_bool(&a, d->approve);
	audit_by_args(&a, by);
	db_arg_id(&a, d->by.person);
	db_query(db, &decide_stmt, &a);
	db_commit(db, on_decide, call);
	return ERR_OK;
}
