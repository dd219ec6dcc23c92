#include "admin/revocation_entries.h"

#include "access/authority.h"
#include "admin/tenant_call.h"
#include "jobs/job_json.h"
#include "list_reply.h"
#include "producer.h"
#include "request_input.h"
#include "stores/revocation.h"

#include <string.h>

enum { ENTRIES_PAGE = 100 };

/* ---- shown ---- */

static void id_put(struct buf *out, const char *name, const char *type, struct id id)
{
	char text[ID_TEXT_MAX];

	id_format(type, id, text);
	job_json_text(out, name, text);
}

/* Of a kind that names by an id, and of which type when that is not known: what most are. */
static const struct {
	const char *member, *type;
} named[REVOCATION_KIND_COUNT_] = {
	[REVOCATION_CREDENTIAL] = {"token", TOKEN_JTI}, [REVOCATION_USER] = {"user", "usr"}};

/* As it was named: token, key, user, network. */
static void subject_put(struct buf *out, const struct revocation_entry *entry)
{
	const enum revocation_kind kind = entry->r.kind;
	const char *known = entry->subject_type ? entry->subject_type : "";
	const char *type = *known ? known : named[kind].type;
	char network[EGRESS_NET_TEXT_MAX];

	if (kind == REVOCATION_CREDENTIAL && strcmp(type, "key") == 0)
		id_put(out, "key", type, entry->r.subject);
	else if (named[kind].member)
		id_put(out, named[kind].member, type, entry->r.subject);
	if (entry->iss && *entry->iss)
		job_json_text(out, "issuer", entry->iss);
	if (kind == REVOCATION_NETWORK) {
		egress_net_format(&entry->r.network, network);
		job_json_text(out, "network", network);
	}
}

/* A credential is a token's id or an API key's. */
static void by_put(struct buf *out, const struct revocation_entry *entry)
{
	const char *kind = entry->by_kind ? entry->by_kind : "";

	job_json_text(out, "by", *kind ? kind : NULL);
	if (!id_is_zero(entry->by_credential))
		id_put(out, "by_credential", strcmp(kind, "token") == 0 ? TOKEN_JTI : "key",
			entry->by_credential);
}

void revocation_entry_put(struct buf *out, const struct revocation_entry *entry)
{
	char id[ID_TEXT_MAX];

	id_format("rev", entry->id, id);
	(void)buf_printf(out, "{\"id\":\"%s\",\"object\":\"revocation\",\"kind\":\"%s\"", id,
		revocation_kind_text(entry->r.kind));
	job_json_text(out, "tenant", *entry->tenant_name ? entry->tenant_name : NULL);
	subject_put(out, entry);
	(void)buf_char(out, ',');
	job_json_time(out, "before", entry->r.before_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "ends_at", entry->r.ends_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "created_at", entry->created_ms);
	by_put(out, entry);
	(void)buf_char(out, '}');
}

/* ---- list ---- */

static void listed(void *ctx, enum err e, const struct revocation_entry *entries, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);
	size_t shown = n > t->limit ? t->limit : n;
	struct list_reply list = list_reply_begin(&t->call.r->reply);
	char next[ID_TEXT_MAX] = "";

	for (size_t i = 0; !e && i < shown; i++)
		revocation_entry_put(list_reply_element(&list), &entries[i]);
	if (!e && n > shown)
		id_format("rev", entries[shown - 1].id, next);
	list_reply_end(&list, n > shown, next);
	record_batch_end(batch, e);
}

static enum err list_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);

	return revocation_list(db, t->tenant, t->after, t->limit + 1, listed, batch);
}

const struct record_op revocation_list_op = {"revocation_list", RECORD_SLOW, 1, list_run, NULL};

/* An operator who names no tenant sees all tenants'. */
void revocations_get(struct request *r)
{
	static const struct tenant_list list = {&revocation_list_op, "rev", ENTRIES_PAGE};

	tenant_call_list(r, &list);
}

/* ---- take back ---- */

/* Is it meant for the caller, or for all of his tenant? A credential that was had after it says
 * nothing of that. A network is a place, and names nobody. */
static enum err names_caller(
	const struct caller *caller, const struct revocation *r, bool *ret_names)
{
	struct revocation ever = *r;

	ever.before_ms = INT64_MAX;
	return r->kind == REVOCATION_NETWORK ? ERR_OK : authority_try(caller, &ever, ret_names);
}

/* Who was shut out does not let himself in again, nor what an operator shut out. */
static enum err own_check(struct tenant_call *t, const struct revocation_entry *entry)
{
	bool names = false;
	enum err e = names_caller(&t->call.r->caller, &entry->r, &names);

	if (strcmp(entry->by_kind, AUDIT_OPERATOR) == 0)
		t->call.forbidden = "an operator revoked this: ask an operator to take it back";
	else if (names)
		t->call.forbidden = "this shuts you out: somebody whom it does not mean, or an "
				    "operator, may take it back";
	return !e && t->call.forbidden ? ERR_FORBIDDEN : e;
}

static void got(void *ctx, enum err e, const struct revocation_entry *entries, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);

	if (!e && n && entries->r.kind == REVOCATION_CREDENTIAL)
		e = ERR_CONFLICT;
	else if (!e && n && tenant_call_is_own(t->call.r))
		e = own_check(t, entries);
	record_batch_end(batch, e);
}

static enum err get_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);

	return revocation_get(db, t->of, t->key, got, batch);
}

static void taken(void *ctx, enum err e, const struct revocation_entry *entries, size_t n)
{
	record_batch_end(ctx, e);
}

static enum err take_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);

	return revocation_take(db, t->of, t->key, &t->by, taken, batch);
}

const struct record_op revocation_get_op = {"revocation_get", RECORD_SECURITY, 1, get_run, NULL};
const struct record_op revocation_take_op = {"revocation_take", RECORD_SECURITY, 1, take_run, NULL};

static void take_done(struct record_call *call)
{
	authority_look(call->r->producer->authority);
	call->r->reply.status = 204;
	request_resume(call->r);
}

static void entry_got(struct record_call *call)
{
	call->then = take_done;
	record_call_again(call, &revocation_take_op);
}

void revocations_delete(struct request *r)
{
	static const struct query_field none[] = {{NULL, QUERY_TEXT, 0, 0}};
	struct tenant_call *t = request_input_query(r, none) ? tenant_call_new(r, "") : NULL;

	if (!t || !tenant_call_id(t, "rev", "no revocation that stands"))
		return;
	t->call.conflict = "a token, a family or a key that has ended stays ended: get a new one";
	t->call.then = entry_got;
	record_call_start(&t->call, &revocation_get_op);
}
