#include "admin/signing_keys.h"

#include "admin/tenant_call.h"
#include "admin/token_keys.h"
#include "ground/clock.h"
#include "jobs/job_json.h"
#include "list_reply.h"
#include "producer.h"
#include "request_input.h"
#include "stores/audit_signer.h"

#include <string.h>

enum {
	PAGE = 100,
	WORD_MAX = 64,
	OVERLAP_S = 86400,
	OVERLAP_MAX_S = 30 * 86400,
	FIRST_TEXT_MAX = 64 * 1024
};

/* In this order they are listed; those of webhooks, of which there are as many as tenants, by
 * pages.
 */
enum kind { KIND_TOKEN, KIND_AUDIT, KIND_WEBHOOK, KINDS };
static const char *const kinds[KINDS] = {"token", "audit", "webhook"};

/* The tenant's secrets. ERR_SEALING: its key is not here. */
static enum err secrets_open(
	struct keyring *ring, const struct tenant *t, struct webhook_secrets *ret)
{
	const struct sealed_where where = {SEALED_WEBHOOK_SECRET, t->id, 0};
	struct sealed_view view;
	struct sealed_box box;
	enum err e;

	sealed_box_open(&box, ring, t->id, &t->key);
	e = sealed_open(&box, where, t->webhook_secret.bytes, t->webhook_secret.len, &view);
	sealed_box_close(&box);
	if (e)
		return e;
	if (!webhook_secrets_read(view.bytes, view.len, ret))
		e = ERR_DB_DATA;
	sealed_view_clear(&view);
	return e;
}

/* ---- list: the keys of tokens, of the audit, the tenants of the page, their secrets ---- */

struct page_call {
	struct record_call call; /* first */
	struct buf first;	 /* told before the rest */
	bool wanted[KINDS];
	char after[WORD_MAX + 1];
	size_t limit, n;
	bool more;
	struct id ids[PAGE];
};

static struct page_call *page_of(const struct record_batch *batch)
{
	return (struct page_call *)(void *)record_call_of(batch);
}

static void key_put(struct buf *out, struct keyring *ring, const struct tenant *t)
{
	struct webhook_secrets secrets = {.before_until_s = 0};
	char mark[WEBHOOK_MARK_MAX] = "";
	const int64_t now_s = clock_record_ms() / 1000;

	if (!secrets_open(ring, t, &secrets))
		webhook_secret_mark(secrets.now, mark);
	(void)buf_printf(
		out, "{\"object\":\"signing_key\",\"kind\":\"webhook\",\"tenant\":\"%s\"", t->name);
	job_json_text(out, "mark", mark);
	(void)buf_char(out, ',');
	job_json_time(out, "previous_until",
		secrets.before_until_s > now_s ? secrets.before_until_s * 1000 : 0);
	(void)buf_char(out, '}');
	digest_wipe(&secrets, sizeof secrets);
}

static struct list_reply list_begin(const struct page_call *p)
{
	struct list_reply list = list_reply_begin(&p->call.r->reply);

	if (p->first.len)
		(void)buf_append(list_reply_element(&list), p->first.bytes, p->first.len);
	return list;
}

static void tokens_told(void *ctx, enum err e, const struct signing_key *keys, size_t n)
{
	struct record_batch *batch = ctx;
	struct page_call *p = page_of(batch);

	if (!e) {
		token_keys_put(&p->first, keys, n);
		e = buf_err(&p->first);
	}
	record_batch_end(batch, e);
}

/* "longhaul.audit+694d5f9b+..." begins with what names the key. */
static size_t id_len(const char *name)
{
	const char *plus = strchr(name, '+');

	return plus ? (size_t)(plus + 1 - name) + strcspn(plus + 1, "+") : strlen(name);
}

static void signer_put(struct buf *out, const struct audit_signer *s)
{
	(void)buf_printf(out,
		"%s{\"object\":\"signing_key\",\"kind\":\"audit\",\"id\":\"%.*s\","
		"\"state\":\"%s\"",
		out->len ? "," : "", (int)id_len(s->name), s->name,
		s->until_ms ? "verifies" : "signs");
	job_json_text(out, "public_key", s->name);
	(void)buf_char(out, ',');
	job_json_time(out, "signs_at", s->since_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "ends_at", s->until_ms);
	(void)buf_char(out, '}');
}

static void signers_told(void *ctx, enum err e, const struct audit_signer *signers, size_t n)
{
	struct record_batch *batch = ctx;
	struct page_call *p = page_of(batch);

	for (size_t i = 0; !e && i < n; i++)
		signer_put(&p->first, &signers[i]);
	record_batch_end(batch, e ? e : buf_err(&p->first));
}

static enum err list_audit(struct db *db, struct record_batch *batch)
{
	return audit_signer_list(db, signers_told, batch);
}

static enum err list_tokens(struct db *db, struct record_batch *batch)
{
	return signing_key_list(db, tokens_told, batch);
}

static void page_told(void *ctx, enum err e, const struct tenant *tenants, size_t n)
{
	struct record_batch *batch = ctx;
	struct page_call *p = page_of(batch);
	struct list_reply list = list_begin(p);

	for (size_t i = 0; !e && i < n; i++)
		key_put(list_reply_element(&list), p->call.r->producer->keyring, &tenants[i]);
	list_reply_end(&list, p->more, !e && p->more && n ? tenants[n - 1].name : NULL);
	record_batch_end(batch, e);
}

static enum err read_page(struct db *db, struct record_batch *batch)
{
	const struct page_call *p = page_of(batch);

	return tenant_get(db, p->ids, p->n, page_told, batch);
}

static void page_found(void *ctx, enum err e, const struct tenant *tenants, size_t n)
{
	struct record_batch *batch = ctx;
	struct page_call *p = page_of(batch);

	p->more = n > p->limit;
	p->n = p->more ? p->limit : n;
	for (size_t i = 0; !e && i < p->n; i++)
		p->ids[i] = tenants[i].id;
	record_batch_end(batch, e);
}

static enum err find_page(struct db *db, struct record_batch *batch)
{
	const struct page_call *p = page_of(batch);

	return tenant_list(db, p->after[0] ? p->after : NULL, p->limit + 1, page_found, batch);
}

const struct record_op signing_keys_token_op = {
	"signing_keys_token", RECORD_SLOW, 1, list_tokens, NULL};
const struct record_op signing_keys_audit_op = {
	"signing_keys_audit", RECORD_SLOW, 1, list_audit, NULL};
const struct record_op signing_keys_page_op = {
	"signing_keys_page", RECORD_SLOW, 1, find_page, NULL};
const struct record_op signing_keys_read_op = {
	"signing_keys_read", RECORD_SLOW, 1, read_page, NULL};

static void page_then(struct record_call *call)
{
	call->then = NULL;
	record_call_again(call, &signing_keys_read_op);
}

/* The next kind that is wanted, or the end. */
static void next_kind(struct record_call *call)
{
	static const struct record_op *const ops[KINDS] = {
		&signing_keys_token_op, &signing_keys_audit_op, &signing_keys_page_op};
	struct page_call *p = (struct page_call *)(void *)call;
	struct list_reply list;

	for (size_t i = 0; i < KINDS; i++)
		if (p->wanted[i]) {
			p->wanted[i] = false;
			call->then = i == KIND_WEBHOOK ? page_then : next_kind;
			record_call_again(call, ops[i]);
			return;
		}
	list = list_begin(p);
	list_reply_end(&list, false, NULL);
	request_resume(call->r);
}

static void page_clear(struct record_call *call)
{
	buf_clear(&((struct page_call *)(void *)call)->first);
}

/* Which kinds are asked for; false: another one, and the request was answered. */
static bool kind_read(struct request *r, bool wanted[KINDS])
{
	const char *kind = query_text(&r->query, "kind");
	bool any = false;

	for (size_t i = 0; i < KINDS; i++) {
		wanted[i] = !kind || strcmp(kind, kinds[i]) == 0;
		any |= wanted[i];
	}
	if (!any)
		request_fail_detail(r, ERR_INVALID_FIELD, "kind must be token, audit or webhook");
	return any;
}

void signing_keys_get(struct request *r)
{
	static const struct query_field fields[] = {{"limit", QUERY_INT, 1, PAGE},
		{"after", QUERY_TEXT, 0, WORD_MAX}, {"kind", QUERY_TEXT, 1, WORD_MAX},
		{NULL, QUERY_TEXT, 0, 0}};
	const char *after = query_text(&r->query, "after");
	bool wanted[KINDS];
	struct page_call *p;

	if (!request_input_query(r, fields) || !kind_read(r, wanted) ||
		!(p = record_call_new(r, sizeof *p)))
		return;
	p->call.clear = page_clear;
	buf_init(&p->first, FIRST_TEXT_MAX);
	memcpy(p->wanted, wanted, sizeof p->wanted);
	if (after)
		p->wanted[KIND_TOKEN] = p->wanted[KIND_AUDIT] = false;
	(void)snprintf(p->after, sizeof p->after, "%s", after ? after : "");
	p->limit = (size_t)query_int(&r->query, "limit", PAGE);
	request_park(r);
	next_kind(&p->call);
}

/* ---- rotate: find the tenant, read its secret, seal two, store them ---- */

static int64_t overlap_s(const struct tenant_call *t)
{
	const json_t *value = json_object_get(t->body, "overlap_s");

	return json_is_integer(value) ? json_integer_value(value) : OVERLAP_S;
}

static void secret_read(void *ctx, enum err e, const struct tenant *tenants, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);
	struct webhook_secrets old, fresh = {.before_until_s = clock_record_ms() / 1000};

	if (!e && n == 0)
		e = ERR_NOT_FOUND;
	if (!e)
		e = secrets_open(t->call.r->producer->keyring, &tenants[0], &old);
	if (e) {
		record_batch_end(batch, e);
		return;
	}
	webhook_secret_new(t->secret);
	memcpy(fresh.now, t->secret, sizeof fresh.now);
	fresh.before_until_s += overlap_s(t);
	if (overlap_s(t) > 0)
		memcpy(fresh.before, old.now, sizeof fresh.before);
	e = webhook_secrets_write(&fresh, &t->text);
	digest_wipe(&old, sizeof old);
	digest_wipe(&fresh, sizeof fresh);
	record_batch_end(batch, e);
}

static enum err secret_run(struct db *db, struct record_batch *batch)
{
	return tenant_get(db, &tenant_call_of(batch)->tenant, 1, secret_read, batch);
}

static void secret_stored(void *ctx, enum err e, const struct tenant *tenants, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);
	struct buf *out = reply_json(&t->call.r->reply, 200);

	(void)buf_printf(out,
		"{\"object\":\"webhook_secret\",\"tenant\":\"%s\",\"webhook_secret\":\"%s\","
		"\"overlap_s\":%lld}",
		t->name, t->secret, (long long)overlap_s(t));
	record_batch_end(batch, e);
}

static void change_keyed(void *ctx, enum err e)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);
	struct tenant_change change = {.retention = -1};

	if (!e)
		e = tenant_own_close(t, SEALED_WEBHOOK_SECRET, t->text.bytes, t->text.len);
	change.webhook_secret = (struct db_bytes){t->sealed.bytes, t->sealed.len};
	if (!e)
		e = tenant_patch(t->db, t->tenant, &change, &t->by, secret_stored, batch);
	if (e)
		record_batch_end(batch, e);
}

static enum err change_run(struct db *db, struct record_batch *batch)
{
	return tenant_own_key(db, batch, change_keyed);
}

const struct record_op webhook_secret_read_op = {
	"webhook_secret_read", RECORD_SLOW, 1, secret_run, NULL};
const struct record_op webhook_secret_change_op = {
	"webhook_secret_change", RECORD_SLOW, 1, change_run, NULL};

static void secret_known(struct record_call *call)
{
	call->then = NULL;
	record_call_again(call, &webhook_secret_change_op);
}

static void tenant_found(struct record_call *call)
{
	call->then = secret_known;
	record_call_again(call, &webhook_secret_read_op);
}

void webhook_secret_post(struct request *r)
{
	static const struct json_field fields[] = {
		{"overlap_s", JSON_IS_INTEGER, JSON_OPTIONAL, 0, OVERLAP_MAX_S},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	json_t *body = request_input_body(r, fields, true);

	if (body)
		tenant_call_begin(r, r->match.params[0], body, tenant_found);
}
