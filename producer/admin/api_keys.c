#include "admin/api_keys.h"

#include "admin/key_rights.h"
#include "ground/clock.h"
#include "identity/claims.h"
#include "jobs/job_json.h"
#include "list_reply.h"
#include "producer.h"
#include "request_input.h"
#include "roles/access_call.h"

#include <stdio.h>
#include <string.h>

enum { KEYS_PAGE = 100, LABEL_MAX = 64, YEARS_S = 315576000 };

/* As it holds them: one that acts for nobody has the usual ones when none are named. */
static const char *roles_of(const struct api_key *k)
{
	if ((k->roles && *k->roles) || !id_is_zero(k->user))
		return k->roles;
	return k->operator? "operator" : KEY_ROLES_USUAL;
}

static void user_put(struct buf *out, const struct api_key *k)
{
	char id[ID_TEXT_MAX] = "";

	if (!id_is_zero(k->user))
		id_format("usr", k->user, id);
	job_json_text(out, "user", id[0] ? id : NULL);
	access_roles_put(out, roles_of(k));
}

/* As whom an operator's key counts where two people are needed. */
static void person_put(struct buf *out, const struct api_key *k)
{
	char id[ID_TEXT_MAX];

	if (!k->operator)
		return;
	id_format("key", k->person, id);
	job_json_text(out, "person", id);
}

void api_key_put(struct buf *out, const struct api_key *k)
{
	char id[ID_TEXT_MAX];

	id_format("key", k->id, id);
	(void)buf_printf(out, "{\"id\":\"%s\",\"object\":\"api_key\"", id);
	job_json_text(out, "tenant", k->tenant_name);
	user_put(out, k);
	(void)buf_text(out, ",\"name\":");
	(void)buf_json(out, k->name ? k->name : "", k->name ? strlen(k->name) : 0);
	(void)buf_char(out, ',');
	job_json_time(out, "created_at", k->created_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "revoked_at", k->revoked_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "last_used_at", k->last_used_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "expires_at", k->expires_ms);
	person_put(out, k);
	if (k->has_scopes) {
		(void)buf_text(out, ",\"scope\":");
		(void)buf_json(out, k->scopes, strlen(k->scopes));
	}
}

/* ---- make one ---- */

void api_key_made(void *ctx, enum err e, const struct api_key *keys, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);

	if (!e && n) {
		struct buf *out = reply_json(&t->call.r->reply, 201);

		api_key_put(out, keys);
		(void)buf_printf(out, ",\"key\":\"%s\"}", t->secret);
	}
	record_batch_end(batch, e);
}

int64_t api_keys_most(const struct tenant_call *t)
{
	return id_is_zero(t->of) ? 0 : t->call.r->producer->config->identity.tenant_keys;
}

static enum err insert_run(struct db *db, struct record_batch *batch)
{
	struct tenant_call *t = tenant_call_of(batch);
	struct api_key key = {.id = id_new(0),
		.tenant = t->tenant,
		.name = t->label,
		.operator= id_is_zero(t->tenant),
		.person = t->call.r->caller.person,
		.roles = t->roles[0] ? t->roles : NULL,
		.user_name = t->user[0] ? t->user : NULL,
		.scopes = t->scopes,
		.has_scopes = t->has_scopes,
		.expires_ms = t->seconds ? clock_record_ms() + t->seconds * 1000 : 0};

	apikey_hash(t->secret, strlen(t->secret), key.hash);
	return api_key_insert(db, &key, api_keys_most(t), &t->by, api_key_made, batch);
}

const struct record_op api_key_insert_op = {"api_key_insert", RECORD_SECURITY, 1, insert_run, NULL};

static void rights_checked(struct record_call *call)
{
	struct tenant_call *t = (struct tenant_call *)(void *)call;

	if (key_rights_refused(t))
		return;
	call->then = NULL;
	apikey_new(t->secret);
	record_call_again(call, &api_key_insert_op);
}

static void tenant_found(struct record_call *call)
{
	key_rights_check((struct tenant_call *)(void *)call, rights_checked);
}

/* ["a", "b"] as "a b"; false: an element is no name. */
static bool roles_take(const json_t *list, char *out, size_t room)
{
	size_t at = 0;

	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *role = json_string_value(json_array_get(list, i));

		if (!role || !role_name_is_right(role))
			return false;
		at += (size_t)snprintf(out + at, room - at, "%s%s", i ? " " : "", role);
	}
	return true;
}

struct scoping {
	bool operators_too, good;
};

static void scope_check(void *ctx, const char *word, size_t len)
{
	struct scoping *s = ctx;
	char text[PERMISSION_TEXT_MAX] = "";
	permission_set set;

	if (len < sizeof text)
		memcpy(text, word, len);
	set = permission_scope(text);
	s->good = s->good && set && (s->operators_too || !(set & permission_operators()));
}

static void scopes_check(const struct tenant_call *t, struct problems *p)
{
	struct scoping s = {.operators_too = id_is_zero(t->of) && !t->name[0], .good = true};

	claims_words(t->scopes, scope_check, &s);
	if (!s.good)
		problems_add(p, "/scope",
			"must be permissions that this key may have, as job:read or job:*");
}

static bool key_take(struct tenant_call *t, const json_t *body, struct problems *p)
{
	const char *label = json_string_value(json_object_get(body, "name"));
	const char *user = json_string_value(json_object_get(body, "user"));
	const char *scope = json_string_value(json_object_get(body, "scope"));
	const json_t *roles = json_object_get(body, "roles");

	(void)snprintf(t->label, sizeof t->label, "%s", label ? label : "");
	(void)snprintf(t->scopes, sizeof t->scopes, "%s", scope ? scope : "");
	t->has_scopes = scope != NULL;
	scopes_check(t, p);
	t->seconds = json_integer_value(json_object_get(body, "expires_in_s"));
	(void)snprintf(t->user, sizeof t->user, "%s", user ? user : "");
	if (!roles_take(roles, t->roles, sizeof t->roles))
		problems_add(p, "/roles", "must be names of roles");
	if (t->user[0] && t->roles[0])
		problems_add(p, "/roles", "a key that acts for a user holds what the user does");
	if (!t->name[0] && id_is_zero(t->of) && (!t->roles[0] || t->user[0]))
		problems_add(p, "/tenant", "must be there, or roles for a key of the operators");
	return p->total == 0;
}

/* The first is the operators' alone: a tenant's own callers are asked for no tenant. */
static const struct json_field fields[] = {{"tenant", JSON_IS_STRING, JSON_OPTIONAL, 1, 64},
	{"name", JSON_IS_STRING | JSON_IS_NULL, JSON_OPTIONAL, 0, LABEL_MAX},
	{"user", JSON_IS_STRING | JSON_IS_NULL, JSON_OPTIONAL, 1, ROUTE_PARAM_MAX - 1},
	{"roles", JSON_IS_ARRAY, JSON_OPTIONAL, 0, ROLES_HELD_MAX},
	{"scope", JSON_IS_STRING | JSON_IS_NULL, JSON_OPTIONAL, 0, TENANT_SCOPES_MAX - 1},
	{"expires_in_s", JSON_IS_INTEGER | JSON_IS_NULL, JSON_OPTIONAL, 1, YEARS_S},
	{NULL, 0, JSON_OPTIONAL, 0, 0}};

static void key_start(struct tenant_call *t)
{
	if (t->name[0]) {
		t->call.then = tenant_found;
		record_call_start(&t->call, &tenant_find_op);
		return;
	}
	request_park(t->call.r);
	key_rights_check(t, rights_checked);
}

void api_keys_post(struct request *r)
{
	json_t *body = request_input_body(r, fields + tenant_call_is_own(r), false);
	const char *tenant = json_string_value(json_object_get(body, "tenant"));
	struct problems p = {0};
	struct tenant_call *t = body ? tenant_call_new(r, tenant ? tenant : "") : NULL;

	if (t && !key_take(t, body, &p))
		request_fail_with(r, ERR_INVALID_FIELD, &p);
	else if (t)
		key_start(t);
	json_decref(body);
}

/* ---- list ---- */

static void listed(void *ctx, enum err e, const struct api_key *keys, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);
	size_t shown = n > t->limit ? t->limit : n;
	struct list_reply list = list_reply_begin(&t->call.r->reply);
	char next[ID_TEXT_MAX] = "";

	for (size_t i = 0; !e && i < shown; i++) {
		api_key_put(list_reply_element(&list), &keys[i]);
		(void)buf_char(list.out, '}');
	}
	if (!e && n > shown)
		id_format("key", keys[shown - 1].id, next);
	list_reply_end(&list, n > shown, next);
	record_batch_end(batch, e);
}

static enum err list_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);

	return api_key_list(db, t->tenant, t->after, t->limit + 1, listed, batch);
}

const struct record_op api_key_list_op = {"api_key_list", RECORD_SLOW, 1, list_run, NULL};

/* An operator who names no tenant sees the installation's own, operators' keys. */
void api_keys_get(struct request *r)
{
	static const struct tenant_list list = {&api_key_list_op, "key", KEYS_PAGE};

	tenant_call_list(r, &list);
}
