#include "admin/tenants.h"

#include "access/keys.h"
#include "admin/tenant_call.h"
#include "domain/origin.h"
#include "domain/sealed.h"
#include "domain/webhook_sign.h"
#include "ground/digest.h"
#include "jobs/job_json.h"
#include "producer.h"

#include <stdio.h>
#include <string.h>

enum { TENANTS_PAGE = 100, ORIGINS_TEXT_MAX = 256 * 1024, ORIGIN_MAX = 300, WORD_MAX = 64 };

/* ---- shared with api_keys.c ---- */

bool name_is_word(const char *name)
{
	size_t n = strlen(name);

	return n > 0 && n <= WORD_MAX &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") == n;
}

static void found(void *ctx, enum err e, const struct tenant *tenants, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = (struct tenant_call *)(void *)call_of(batch);

	if (!e && n == 0)
		e = ERR_NOT_FOUND;
	if (!e)
		t->tenant = tenants[0].id;
	record_batch_end(batch, e);
}

static enum err find_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = (struct tenant_call *)(void *)call_of(batch);

	return tenant_find(db, t->name, found, batch);
}

const struct record_op tenant_find_op = {"tenant_find", RECORD_SLOW, 1, find_run, NULL};

static void tenant_clear(struct call *call)
{
	struct tenant_call *t = (struct tenant_call *)(void *)call;

	json_decref(t->body);
	buf_clear(&t->sealed);
	digest_wipe(t->secret, sizeof t->secret);
}

struct tenant_call *tenant_call_new(struct request *r, const char *name)
{
	struct tenant_call *t = call_new(r, sizeof *t);

	if (!t)
		return NULL;
	t->call.clear = tenant_clear;
	t->by = request_actor(r);
	buf_init(&t->sealed, ORIGINS_TEXT_MAX);
	(void)snprintf(t->name, sizeof t->name, "%s", name);
	return t;
}

static struct tenant_call *of(const struct record_batch *batch)
{
	return (struct tenant_call *)(void *)call_of(batch);
}

/* ---- make one ---- */

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
	struct tenant_call *t = of(batch);

	if (!e && n) {
		struct buf *out = reply_json(&t->call.r->reply, 201);

		head_put(out, tenants);
		(void)buf_printf(
			out, ",\"callback_origins\":[],\"webhook_secret\":\"%s\"}", t->secret);
	}
	record_batch_end(batch, e);
}

static enum err create_run(struct db *db, struct record_batch *batch)
{
	struct tenant_call *t = of(batch);
	uint8_t match_key[MATCH_KEY_BYTES];
	struct tenant tenant = {.id = id_new(0), .name = t->name, .retention = t->retention};
	enum err e;

	digest_random(match_key, sizeof match_key);
	tenant.match_key = (struct db_bytes){match_key, sizeof match_key};
	tenant.webhook_secret = (struct db_bytes){t->sealed.bytes, t->sealed.len};
	e = tenant_create(db, &tenant, &t->by, created, batch);
	digest_wipe(match_key, sizeof match_key);
	return e;
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
	json_t *body = call_body(r, fields, false);
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
	if (sealed_close(NULL, t->secret, strlen(t->secret), &t->sealed))
		request_fail(r, ERR_NOMEM);
	else
		call_start(&t->call, &tenant_create_op);
}

/* ---- list ---- */

static void listed(void *ctx, enum err e, const struct tenant *tenants, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = of(batch);
	size_t shown = n > t->limit ? t->limit : n;
	struct buf *out = reply_json(&t->call.r->reply, 200);

	(void)buf_text(out, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; !e && i < shown; i++) {
		if (i)
			(void)buf_char(out, ',');
		head_put(out, &tenants[i]);
		(void)buf_printf(out, ",\"queued\":%lld,\"waiting\":%lld,\"running\":%lld}",
			(long long)tenants[i].queued, (long long)tenants[i].waiting,
			(long long)tenants[i].running);
	}
	(void)buf_printf(out, "],\"has_more\":%s", n > shown ? "true" : "false");
	job_json_text(out, "next", !e && n > shown ? tenants[shown - 1].name : NULL);
	(void)buf_char(out, '}');
	record_batch_end(batch, e);
}

static enum err list_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = of(batch);

	return tenant_list(db, t->name[0] ? t->name : NULL, t->limit + 1, listed, batch);
}

const struct record_op tenant_list_op = {"tenant_list", RECORD_SLOW, 1, list_run, NULL};

void tenants_get(struct request *r)
{
	static const struct query_field fields[] = {{"limit", QUERY_INT, 1, TENANTS_PAGE},
		{"after", QUERY_TEXT, 0, WORD_MAX}, {NULL, QUERY_TEXT, 0, 0}};
	const char *after = query_text(&r->query, "after");
	struct tenant_call *t;

	if (!call_query(r, fields) || !(t = tenant_call_new(r, after ? after : "")))
		return;
	t->limit = (size_t)query_int(&r->query, "limit", TENANTS_PAGE);
	call_start(&t->call, &tenant_list_op);
}

/* ---- callback origins ---- */

static void origins_put_reply(struct tenant_call *t, struct db_bytes sealed)
{
	struct buf *out = reply_json(&t->call.r->reply, 200);

	(void)buf_printf(
		out, "{\"object\":\"callback_origins\",\"tenant\":\"%s\",\"origins\":", t->name);
	job_json_sealed(out, sealed, "[]");
	(void)buf_char(out, '}');
}

static void origins_told(void *ctx, enum err e, const struct tenant *tenants, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e && n == 0)
		e = ERR_NOT_FOUND;
	if (!e)
		origins_put_reply(of(batch), tenants[0].callback_origins);
	record_batch_end(batch, e);
}

static enum err read_run(struct db *db, struct record_batch *batch)
{
	return tenant_get(db, &of(batch)->tenant, 1, origins_told, batch);
}

static enum err change_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = of(batch);
	const struct tenant_change change = {
		.callback_origins = {t->sealed.bytes, t->sealed.len}, .retention = -1};

	return tenant_patch(db, t->tenant, &change, &t->by, origins_told, batch);
}

const struct record_op tenant_read_op = {"tenant_read", RECORD_SLOW, 1, read_run, NULL};
const struct record_op tenant_change_op = {"tenant_change", RECORD_SLOW, 1, change_run, NULL};

static void changed(struct call *call)
{
	keys_forget(call->r->producer->keys);
	request_resume(call->r);
}

static void origins_found(struct call *call)
{
	const struct tenant_call *t = (struct tenant_call *)(void *)call;

	call->then = t->body ? changed : NULL;
	call_again(call, t->body ? &tenant_change_op : &tenant_read_op);
}

void origins_get(struct request *r)
{
	struct tenant_call *t = tenant_call_new(r, r->match.params[0]);

	if (!t)
		return;
	t->call.then = origins_found;
	call_start(&t->call, &tenant_find_op);
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
	json_t *body = call_body(r, fields, false);
	struct problems p = {0};
	struct tenant_call *t = body ? tenant_call_new(r, r->match.params[0]) : NULL;
	struct buf text;
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
	buf_init(&text, ORIGINS_TEXT_MAX / 2);
	e = json_write(json_object_get(body, "origins"), &text);
	if (!e)
		e = sealed_close(NULL, text.bytes, text.len, &t->sealed);
	buf_clear(&text);
	t->call.then = origins_found;
	if (e)
		request_fail(r, e);
	else
		call_start(&t->call, &tenant_find_op);
}
