#include "admin/tenant_call.h"

#include "access/own_key.h"
#include "domain/sealed.h"
#include "ground/digest.h"
#include "producer.h"
#include "request_input.h"

#include <stdio.h>
#include <string.h>

enum { TEXT_MAX = 256 * 1024 };

struct tenant_call *tenant_call_of(const struct record_batch *batch)
{
	return (struct tenant_call *)(void *)record_call_of(batch);
}

static void found(void *ctx, enum err e, const struct tenant *tenants, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);

	if (!e && n == 0) {
		e = ERR_NOT_FOUND;
		(void)snprintf(t->why, sizeof t->why, "there is no tenant called %s", t->name);
		t->call.missing = id_is_zero(t->of) ? t->why : NULL;
	}
	if (!e) {
		t->tenant = tenants[0].id;
		(void)snprintf(t->name, sizeof t->name, "%s", tenants[0].name);
	}
	record_batch_end(batch, e);
}

static enum err find_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);

	return id_is_zero(t->of) ? tenant_find(db, t->name, found, batch)
				 : tenant_get(db, &t->of, 1, found, batch);
}

const struct record_op tenant_find_op = {"tenant_find", RECORD_SECURITY, 1, find_run, NULL};

static void tenant_clear(struct record_call *call)
{
	struct tenant_call *t = (struct tenant_call *)(void *)call;

	json_decref(t->body);
	buf_clear(&t->text);
	buf_clear(&t->sealed);
	digest_wipe(t->secret, sizeof t->secret);
}

bool tenant_call_is_own(const struct request *r)
{
	return r->match.route->access == ROUTE_TENANT;
}

struct tenant_call *tenant_call_new(struct request *r, const char *name)
{
	return tenant_call_sized(r, name, sizeof(struct tenant_call));
}

struct tenant_call *tenant_call_sized(struct request *r, const char *name, size_t size)
{
	struct tenant_call *t = record_call_new(r, size);

	if (!t)
		return NULL;
	t->call.clear = tenant_clear;
	t->by = record_call_actor(&t->call);
	t->of = tenant_call_is_own(r) ? r->caller.tenant : AUDIT_SYSTEM_TENANT;
	t->tenant = t->of;
	buf_init(&t->text, TEXT_MAX / 2);
	buf_init(&t->sealed, TEXT_MAX);
	(void)snprintf(t->name, sizeof t->name, "%s", name);
	return t;
}

bool tenant_call_id(struct tenant_call *t, const char *prefix, const char *none)
{
	struct request *r = t->call.r;
	const char *text = r->match.params[0];

	(void)snprintf(t->why, sizeof t->why, "%s has the id %s here", none, text);
	t->call.missing = t->why;
	if (id_parse(prefix, text, &t->key))
		return true;
	request_fail_detail(r, ERR_NOT_FOUND, t->why);
	return false;
}

static void list_found(struct record_call *call)
{
	call->then = NULL;
	record_call_again(call, ((const struct tenant_call *)(void *)call)->list->op);
}

static bool list_page(struct request *r, const struct tenant_list *list, struct tenant_call *t)
{
	const char *after = query_text(&r->query, "after");

	t->list = list;
	t->limit = (size_t)query_int(&r->query, "limit", list->page);
	if (!after || id_parse(list->prefix, after, &t->after))
		return true;
	request_fail_detail(r, ERR_INVALID_FIELD, "after must be the next of a page before");
	return false;
}

void tenant_call_list(struct request *r, const struct tenant_list *list)
{
	const struct query_field fields[] = {{"tenant", QUERY_TEXT, 1, 64},
		{list->prefix ? "limit" : NULL, QUERY_INT, 1, list->page},
		{"after", QUERY_TEXT, 1, ID_TEXT_MAX}, {NULL, QUERY_TEXT, 0, 0}};
	const char *tenant = query_text(&r->query, "tenant");
	struct tenant_call *t;

	if (!request_input_query(r, fields + tenant_call_is_own(r)) ||
		!(t = tenant_call_new(r, tenant ? tenant : "")) || !list_page(r, list, t))
		return;
	t->call.then = tenant ? list_found : NULL;
	record_call_start(&t->call, tenant ? &tenant_find_op : list->op);
}

void tenant_call_begin(
	struct request *r, const char *name, json_t *body, void (*then)(struct record_call *call))
{
	struct tenant_call *t = tenant_call_new(r, name);

	if (!t) {
		json_decref(body);
		return;
	}
	t->body = body;
	t->call.then = then;
	record_call_start(&t->call, &tenant_find_op);
}

/* ---- its own data key ---- */

static struct keyring *ring_of(const struct tenant_call *t)
{
	return t->call.r->producer->keyring;
}

enum err tenant_own_key(struct db *db, struct record_batch *batch, subject_key_done *keyed)
{
	struct tenant_call *t = tenant_call_of(batch);

	t->db = db;
	t->own = (struct subject_key){.tenant = t->tenant};
	return own_key_ensure(ring_of(t), db, &t->own, keyed, batch);
}

enum err tenant_own_close(
	struct tenant_call *t, enum sealed_place place, const void *bytes, size_t len)
{
	return own_key_close(ring_of(t), &t->own, (struct sealed_where){place, t->tenant, 0},
		(struct db_bytes){bytes, len}, &t->sealed);
}
