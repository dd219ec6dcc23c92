#include "stores/believed.h"

#include <string.h>

/* Of $1 whose, $2 what was shown, the credential first, $3 its principal, $4 when it was given. An
 * end by itself counts of the key that was shown alone: what was bought with one that ran out is
 * good as long as it says. */
#define KEYS_STAND                                                            \
	" not exists (select from api_key m where m.key_id = any($2::uuid[])" \
	"  and (m.revoked_at is not null or (m.key_id = ($2::uuid[])[1]"      \
	"   and m.expires_at <= clock_timestamp())))"
#define UNLISTED                                                           \
	" not exists (select from revocation l where l.tenant_id = $1"     \
	"  and l.kind = 'credential' and l.subject = any($2::uuid[])"      \
	"  and l.network = '' and l.ends_at > now())"                      \
	" and not exists (select from revocation l where l.tenant_id = $1" \
	"  and l.kind = any(array['user', 'tenant']) and l.network = ''"   \
	"  and l.subject = any(array[$3::uuid, " AUDIT_SYSTEM_SQL "])"     \
	"  and l.before_at > $4::timestamptz and (l.ends_at is null or l.ends_at > now()))"
#define ENABLED                                                                         \
	" not exists (select from app_user u where u.tenant_id = $1 and u.user_id = $3" \
	"  and u.disabled_at is not null)"

static const struct db_stmt hold_stmt = {
	.name = "believed_hold", .sql = "select from access_sequence where one for no key update"};

static const struct db_stmt ask_stmt = {.name = "believed_ask",
	.sql = "select set_config('app.believed', case when" KEYS_STAND " and" UNLISTED
	       " and" ENABLED " then 'yes' else 'no' end, true) = 'yes'",
	.reads = true};

static void args(struct db_args *a, const struct revocation_facts *by)
{
	static const struct revocation_facts nobody = {.issued_ms = INT64_MAX};
	struct id shown[REVOCATION_CREDENTIALS + TOKEN_SOURCES_MAX];

	if (!by)
		by = &nobody;
	memcpy(shown, by->credentials, sizeof by->credentials);
	memcpy(shown + REVOCATION_CREDENTIALS, by->sources, sizeof by->sources);
	db_args_init(a);
	db_arg_id(a, by->tenant);
	db_arg_ids(a, shown, sizeof shown / sizeof *shown);
	db_arg_id(a, by->principal);
	/* an operator's key ends by its id alone */
	db_arg_time(a, by->issued_ms == INT64_MAX ? 0 : by->issued_ms);
}

void believed_ask(struct db *db, const struct audit_actor *by)
{
	struct db_args a;

	db_query(db, &hold_stmt, NULL);
	args(&a, by->shown);
	db_query(db, &ask_stmt, &a);
}

enum err believed_told(enum err e, const struct db_reply *reply, size_t at)
{
	if (!e && db_int(db_reply_rows(reply, at + 1), 0, 0) == 0)
		e = ERR_UNAUTHORIZED;
	return e;
}

enum err believed_run(const struct store_call_ask *ask, const struct audit_actor *by)
{
	struct store_call *call;
	enum err e = store_call_begin(ask->db, ask->tenants, ask->tenants_n, &call);

	if (!e) {
		*call = ask->with;
		call->db = ask->db;
		believed_ask(ask->db, by);
		db_query(ask->db, ask->stmt, ask->args);
		db_commit(ask->db, ask->on_done, call);
	}
	if (ask->args)
		db_args_clear(ask->args);
	return e;
}

enum err believed_rows(enum err e, const struct db_reply *reply, const struct db_rows **ret_rows)
{
	e = believed_told(e, reply, 0);
	*ret_rows = e ? NULL : db_reply_rows(reply, BELIEVED_REPLIES);
	return e;
}
