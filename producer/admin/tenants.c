#include "admin/tenants.h"

#include "access/keys.h"
#include "admin/tenant_call.h"
#include "domain/origin.h"
#include "domain/sealed.h"
#include "domain/webhook_sign.h"
#include "ground/digest.h"
#include "jobs/job_json.h"
#include "list_reply.h"
#include "producer.h"
#include "request_input.h"

#include <string.h>

enum { TENANTS_PAGE = 100, ORIGINS_TEXT_MAX = 256 * 1024, ORIGIN_MAX = 300, WORD_MAX = 64 };

/* ---- make one ---- */

/* 1 to 64 of a-z, 0-9, - and _ */
static bool name_is_word(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= WORD_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

static void head_put(struct buf *out, const struct tenant *t)
{
	char id[ID_TEXT_MAX];

	id_format("tnt", t->id, id);
	(void)buf_printf(out, "{\"id\":\"%s\",\"object\":\"tenant\",\"name\":\"%s\",", id, t->name);
	job_json_time(out, "created_at", t->created_ms);
}

static void created(void *ctx, enum err e, const struct tenant *tenants, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);

	if (!e && n) {
		struct buf *out = reply_json(&t->call.r->reply, 201);

		head_put(out, tenants);
		(void)buf_printf(
			out, ",\"callback_origins\":[],\"webhook_secret\":\"%s\"}", t->secret);
	}
	record_batch_end(batch, e);
}

/* Both values side by side; where the second begins. */
static enum err secrets_close(struct tenant_call *t, size_t *ret_second)
{
	uint8_t match_key[MATCH_KEY_BYTES];
	enum err e;

	digest_random(match_key, sizeof match_key);
	e = tenant_own_close(t, SEALED_MATCHING, match_key, sizeof match_key);
	*ret_second = t->sealed.len;
	if (!e)
		e = tenant_own_close(t, SEALED_WEBHOOK_SECRET, t->secret, strlen(t->secret));
	digest_wipe(match_key, sizeof match_key);
	return e;
}

static void create_keyed(void *ctx, enum err e)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);
	struct tenant tenant = {.id = t->tenant, .name = t->name, .retention = t->retention};
	size_t second = 0;

	if (!e)
		e = secrets_close(t, &second);
	tenant.match_key = (struct db_bytes){t->sealed.bytes, second};
	tenant.webhook_secret = (struct db_bytes){t->sealed.bytes + second, t->sealed.len - second};
	if (!e)
		e = tenant_create(t->db, &tenant, &t->by, created, batch);
	if (e)
		record_batch_end(batch, e);
}

static enum err create_run(struct db *db, struct record_batch *batch)
{
	tenant_call_of(batch)->tenant = id_new(0);
	return tenant_own_key(db, batch, create_keyed);
}

const struct record_op tenant_create_op = {"tenant_create", RECORD_SLOW, 1, create_run, NULL};

/* The class whose days hold what the configuration names. */
static unsigned class_of(int64_t days)
{
	static const int64_t classes[] = {1, 7, 30, 90, 400};
	unsigned klass = 0;

	while (klass < 4 && classes[klass] < days)
		klass++;
	return klass;
}

void tenants_post(struct request *r)
{
	static const struct json_field fields[] = {
		{"name", JSON_IS_STRING, JSON_REQUIRED, 1, WORD_MAX},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	json_t *body = request_input_body(r, fields, false);
	const char *name = json_string_value(json_object_get(body, "name"));
	struct problems p = {0};
	struct tenant_call *t = NULL;

	if (!body)
		return;
	if (!name_is_word(name)) {
		problems_add(&p, "/name", "must be 1 to 64 of a-z, 0-9, - and _");
		request_fail_with(r, ERR_INVALID_FIELD, &p);
	} else {
		t = tenant_call_new(r, name);
	}
	json_decref(body);
	if (!t)
		return;
	t->retention = class_of(r->producer->config->limits.retain_default_days);
	t->call.conflict = "a tenant of this name exists already";
	webhook_secret_new(t->secret);
	record_call_start(&t->call, &tenant_create_op);
}

/* ---- list ---- */

static void listed(void *ctx, enum err e, const struct tenant *tenants, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);
	size_t shown = n > t->limit ? t->limit : n;
	struct list_reply list = list_reply_begin(&t->call.r->reply);

	for (size_t i = 0; !e && i < shown; i++) {
		struct buf *out = list_reply_element(&list);

		head_put(out, &tenants[i]);
		(void)buf_printf(out, ",\"queued\":%lld,\"waiting\":%lld,\"running\":%lld}",
			(long long)tenants[i].queued, (long long)tenants[i].waiting,
			(long long)tenants[i].running);
	}
	list_reply_end(&list, n > shown, !e && n > shown ? tenants[shown - 1].name : NULL);
	record_batch_end(batch, e);
}

static enum err list_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);

	return tenant_list(db, t->name[0] ? t->name : NULL, t->limit + 1, listed, batch);
}

const struct record_op tenant_list_op = {"tenant_list", RECORD_SLOW, 1, list_run, NULL};

void tenants_get(struct request *r)
{
	static const struct query_field fields[] = {{"limit", QUERY_INT, 1, TENANTS_PAGE},
		{"after", QUERY_TEXT, 0, WORD_MAX}, {NULL, QUERY_TEXT, 0, 0}};
	const char *after = query_text(&r->query, "after");
	struct tenant_call *t;

	if (!request_input_query(r, fields) || !(t = tenant_call_new(r, after ? after : "")))
		return;
	t->limit = (size_t)query_int(&r->query, "limit", TENANTS_PAGE);
	record_call_start(&t->call, &tenant_list_op);
}

/* ---- callback origins ---- */

static bool origins_are_tried(const struct tenant_call *t)
{
	return t->body && request_input_is_dry(t->call.r);
}

static void origins_list_put(
	struct buf *out, const struct tenant_call *t, const struct tenant *tenant)
{
	const struct sealed_where where = {SEALED_ORIGINS, tenant->id, 0};
	struct sealed_box box;

	sealed_box_open(&box, t->call.r->producer->keyring, tenant->id, &tenant->key);
	job_json_sealed(out, &box, where, tenant->callback_origins, "[]");
	sealed_box_close(&box);
}

/* Of a dry run those that would stand, and those that do. */
static void origins_put_reply(struct tenant_call *t, const struct tenant *tenant)
{
	struct buf *out = reply_json(&t->call.r->reply, 200);

	(void)buf_printf(
		out, "{\"object\":\"callback_origins\",\"tenant\":\"%s\",\"origins\":", t->name);
	if (origins_are_tried(t))
		(void)buf_printf(
			out, "%.*s,\"dry_run\":true,\"before\":", (int)t->text.len, t->text.bytes);
	origins_list_put(out, t, tenant);
	(void)buf_char(out, '}');
}

static void origins_told(void *ctx, enum err e, const struct tenant *tenants, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e && n == 0)
		e = ERR_NOT_FOUND;
	if (!e)
		origins_put_reply(tenant_call_of(batch), &tenants[0]);
	record_batch_end(batch, e);
}

static enum err read_run(struct db *db, struct record_batch *batch)
{
	return tenant_get(db, &tenant_call_of(batch)->tenant, 1, origins_told, batch);
}

static void change_keyed(void *ctx, enum err e)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);
	struct tenant_change change = {.retention = -1};

	if (!e)
		e = tenant_own_close(t, SEALED_ORIGINS, t->text.bytes, t->text.len);
	change.callback_origins = (struct db_bytes){t->sealed.bytes, t->sealed.len};
	if (!e)
		e = tenant_patch(t->db, t->tenant, &change, &t->by, origins_told, batch);
	if (e)
		record_batch_end(batch, e);
}

static enum err change_run(struct db *db, struct record_batch *batch)
{
	return tenant_own_key(db, batch, change_keyed);
}

const struct record_op tenant_read_op = {"tenant_read", RECORD_SLOW, 1, read_run, NULL};
const struct record_op tenant_change_op = {"tenant_change", RECORD_SLOW, 1, change_run, NULL};

static void changed(struct record_call *call)
{
	keys_forget(call->r->producer->keys);
	request_resume(call->r);
}

static void origins_found(struct record_call *call)
{
	const struct tenant_call *t = (struct tenant_call *)(void *)call;
	const bool sets = t->body && !origins_are_tried(t);

	call->then = sets ? changed : NULL;
	record_call_again(call, sets ? &tenant_change_op : &tenant_read_op);
}

void origins_get(struct request *r)
{
	tenant_call_begin(r, r->match.params[0], NULL, origins_found);
}

static bool origins_check(const json_t *list, struct problems *p)
{
	size_t before = p->total;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *text = json_string_value(json_array_get(list, i));
		const char *fault =
			text ? origin_entry_check(text, strlen(text)) : "must be a text";
		char pointer[32];

		if (text && strlen(text) > ORIGIN_MAX)
			fault = "is too long";
		(void)snprintf(pointer, sizeof pointer, "/origins/%zu", i);
		if (fault)
			problems_add(p, pointer, "%s", fault);
	}
	return p->total == before;
}

void origins_put(struct request *r)
{
	static const struct json_field fields[] = {
		{"origins", JSON_IS_ARRAY, JSON_REQUIRED, 0, ORIGINS_MAX},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	json_t *body = request_input_dry(r) ? request_input_body(r, fields, false) : NULL;
	struct problems p = {0};
	struct tenant_call *t = body ? tenant_call_new(r, r->match.params[0]) : NULL;
	enum err e;

	if (!t) {
		json_decref(body);
		return;
	}
	t->body = body;
	if (!origins_check(json_object_get(body, "origins"), &p)) {
		request_fail_with(r, ERR_INVALID_FIELD, &p);
		return;
	}
	e = json_write(json_object_get(body, "origins"), &t->text);
	t->call.then = origins_found;
	if (e)
		request_fail(r, e);
	else
		record_call_start(&t->call, &tenant_find_op);
}
