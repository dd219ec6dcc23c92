#include "access/keys.h"
#include "admin/tenant_call.h"
#include "admin/tenants.h"
#include "jobs/job_json.h"
#include "producer.h"

#include <stdio.h>
#include <string.h>

enum { KEYS_PAGE = 100, LABEL_MAX = 64 };

static struct tenant_call *of(const struct record_batch *batch)
{
	return (struct tenant_call *)(void *)call_of(batch);
}

static void key_put(struct buf *out, const struct api_key *k, const char *tenant)
{
	char id[ID_TEXT_MAX];

	id_format("key", k->id, id);
	(void)buf_printf(out, "{\"id\":\"%s\",\"object\":\"api_key\"", id);
	job_json_text(out, "tenant", tenant);
	(void)buf_text(out, ",\"name\":");
	(void)buf_json(out, k->name ? k->name : "", k->name ? strlen(k->name) : 0);
	(void)buf_char(out, ',');
	job_json_time(out, "created_at", k->created_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "revoked_at", k->revoked_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "last_used_at", k->last_used_ms);
}

/* ---- make one ---- */

static void inserted(void *ctx, enum err e, const struct api_key *keys, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = of(batch);

	if (!e && n) {
		struct buf *out = reply_json(&t->call.r->reply, 201);

		key_put(out, keys, t->name);
		(void)buf_printf(out, ",\"key\":\"%s\"}", t->secret);
	}
	record_batch_end(batch, e);
}

static enum err insert_run(struct db *db, struct record_batch *batch)
{
	struct tenant_call *t = of(batch);
	struct api_key key = {.id = id_new(0), .tenant = t->tenant, .name = t->label};

	apikey_hash(t->secret, strlen(t->secret), key.hash);
	return api_key_insert(db, &key, &t->by, inserted, batch);
}

const struct record_op api_key_insert_op = {"api_key_insert", RECORD_SLOW, 1, insert_run, NULL};

static void insert_found(struct call *call)
{
	struct tenant_call *t = (struct tenant_call *)(void *)call;

	apikey_new(t->secret);
	call->then = NULL;
	call_again(call, &api_key_insert_op);
}

void api_keys_post(struct request *r)
{
	static const struct json_field fields[] = {{"tenant", JSON_IS_STRING, JSON_REQUIRED, 1, 64},
		{"name", JSON_IS_STRING | JSON_IS_NULL, JSON_OPTIONAL, 0, LABEL_MAX},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	json_t *body = call_body(r, fields, false);
	const char *label = json_string_value(json_object_get(body, "name"));
	struct tenant_call *t =
		body ? tenant_call_new(r, json_string_value(json_object_get(body, "tenant")))
		     : NULL;

	if (t) {
		(void)snprintf(t->label, sizeof t->label, "%s", label ? label : "");
		t->call.then = insert_found;
		call_start(&t->call, &tenant_find_op);
	}
	json_decref(body);
}

/* ---- list ---- */

static void listed(void *ctx, enum err e, const struct api_key *keys, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = of(batch);
	size_t shown = n > t->limit ? t->limit : n;
	struct buf *out = reply_json(&t->call.r->reply, 200);
	char next[ID_TEXT_MAX] = "";

	(void)buf_text(out, "{\"object\":\"list\",\"data\":[");
	for (size_t i = 0; !e && i < shown; i++) {
		if (i)
			(void)buf_char(out, ',');
		key_put(out, &keys[i], t->name);
		(void)buf_char(out, '}');
	}
	if (!e && n > shown)
		id_format("key", keys[shown - 1].id, next);
	(void)buf_printf(out, "],\"has_more\":%s", n > shown ? "true" : "false");
	job_json_text(out, "next", next);
	(void)buf_char(out, '}');
	record_batch_end(batch, e);
}

static enum err list_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = of(batch);

	return api_key_list(db, t->tenant, t->after, t->limit + 1, listed, batch);
}

const struct record_op api_key_list_op = {"api_key_list", RECORD_SLOW, 1, list_run, NULL};

static void list_found(struct call *call)
{
	call->then = NULL;
	call_again(call, &api_key_list_op);
}

/* Without a tenant: the installation's own, operators' keys. */
void api_keys_get(struct request *r)
{
	static const struct query_field fields[] = {{"tenant", QUERY_TEXT, 1, 64},
		{"limit", QUERY_INT, 1, KEYS_PAGE}, {"after", QUERY_TEXT, 1, ID_TEXT_MAX},
		{NULL, QUERY_TEXT, 0, 0}};
	const char *tenant = query_text(&r->query, "tenant");
	const char *after = query_text(&r->query, "after");
	struct tenant_call *t;

	if (!call_query(r, fields) || !(t = tenant_call_new(r, tenant ? tenant : "")))
		return;
	t->limit = (size_t)query_int(&r->query, "limit", KEYS_PAGE);
	if (after && !id_parse("key", after, &t->after)) {
		request_fail_detail(
			r, ERR_INVALID_FIELD, "after must be the next of a page before");
		return;
	}
	t->call.then = tenant ? list_found : NULL;
	call_start(&t->call, tenant ? &tenant_find_op : &api_key_list_op);
}

/* ---- revoke ---- */

static void revoked(void *ctx, enum err e, const struct api_key *keys, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e && n == 0)
		e = ERR_NOT_FOUND;
	record_batch_end(batch, e);
}

static enum err revoke_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = of(batch);

	return api_key_revoke(db, t->key, &t->by, revoked, batch);
}

const struct record_op api_key_revoke_op = {"api_key_revoke", RECORD_SLOW, 1, revoke_run, NULL};

static void revoke_done(struct call *call)
{
	keys_forget(call->r->producer->keys);
	call->r->reply.status = 204;
	request_resume(call->r);
}

void api_keys_delete(struct request *r)
{
	struct tenant_call *t = tenant_call_new(r, "");

	if (!t)
		return;
	if (!id_parse("key", r->match.params[0], &t->key)) {
		request_fail(r, ERR_NOT_FOUND);
		return;
	}
	t->call.then = revoke_done;
	call_start(&t->call, &api_key_revoke_op);
}
