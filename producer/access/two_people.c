#include "access/two_people.h"

#include "access/actor.h"
#include "access/own_key.h"
#include "producer.h"
#include "record_call.h"
#include "request_input.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX_BYTES = 1 << 20, DETAIL_MAX = 256 };

/* Whose rule counts. A tenant's own caller's is its tenant's, whatever its call is about. */
enum whose { OF_CALLER, OF_PATH, OF_BODY, OF_KEY, OF_REVOCATION };

enum {
	KEEPS = 1,    /* it goes by pages: a use does not end the approval */
	ALWAYS = 2,   /* even where the tenant does not ask for it */
	DRIES = 4,    /* its handler knows dry_run */
	HIDES = 8,    /* its body may hold a secret, which is not shown to who approves */
	DISABLES = 16 /* it may do nothing but shut somebody out, and then needs nobody */
};

struct row {
	const char *method, *pattern, *action;
	enum whose whose;
	unsigned flags;
};

/* clang-format off */
static const struct row rows[] = {
	{"PUT",    "/v1/roles/{name}",                       "role.put",       OF_CALLER, DRIES},
	{"DELETE", "/v1/roles/{name}",                       "role.remove",    OF_CALLER, DRIES},
	{"POST",   "/v1/roles/{name}/move",                  "user.move_role", OF_CALLER, KEEPS | DRIES},
	{"PUT",    "/v1/users/{name}",                       "user.put",       OF_CALLER, DRIES | DISABLES},
	{"PUT",    "/v1/two-people",                         "two_people.set", OF_CALLER, ALWAYS},
	{"PUT",    "/v1/tenants/{tenant}/roles/{name}",      "role.put",       OF_PATH, DRIES},
	{"DELETE", "/v1/tenants/{tenant}/roles/{name}",      "role.remove",    OF_PATH, DRIES},
	{"POST",   "/v1/tenants/{tenant}/roles/{name}/move", "user.move_role", OF_PATH, KEEPS | DRIES},
	{"PUT",    "/v1/tenants/{tenant}/users/{name}",      "user.put",       OF_PATH, DRIES | DISABLES},
	{"PUT",    "/v1/tenants/{tenant}/two-people",        "two_people.set", OF_PATH, ALWAYS},
	{"POST",   "/v1/tenants/{name}/webhook-secret",      "webhook_secret.rotate", OF_PATH, 0},
	{"POST",   "/v1/api-keys",                           "api_key.create", OF_BODY, 0},
	{"POST",   "/v1/api-keys/{id}/rotate",               "api_key.rotate", OF_KEY, DRIES},
	{"POST",   "/v1/issuers",                            "issuer.create",  OF_BODY, HIDES},
	{"DELETE", "/v1/revocations/{id}",                   "revocation.remove", OF_REVOCATION, 0},
};
/* clang-format on */

/* Most calls are none of these: one test says so. */
static bool may_be_one(const struct route *route)
{
	const permission_set set =
		permission_bit(PERMISSION_ROLE_WRITE) | permission_bit(PERMISSION_USER_WRITE) |
		permission_bit(PERMISSION_KEY_WRITE) | permission_bit(PERMISSION_REVOCATION_WRITE) |
		permission_bit(PERMISSION_ISSUER_WRITE) |
		permission_bit(PERMISSION_OPERATOR_ACCESS) |
		permission_bit(PERMISSION_OPERATOR_KEY);

	return route->permission < PERMISSIONS && (set & permission_bit(route->permission)) != 0;
}

static const struct row *row_of(const struct route *route)
{
	for (size_t i = 0; may_be_one(route) && i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i].method, route->method) == 0 &&
			strcmp(rows[i].pattern, route->pattern) == 0)
			return &rows[i];
	return NULL;
}

struct approver two_people_approver(const struct caller *caller)
{
	return (struct approver){.principal = caller->principal,
		.credential = caller->credential,
		.person = caller->is_operator ? caller->person : caller->principal,
		.is_user = caller->is_user};
}

bool two_people_knows(const struct caller *caller)
{
	return caller->is_operator || two_people_approver(caller).is_user;
}

/* ---- a call while it is looked at ---- */

struct gate {
	struct record_item item; /* first */
	struct request *r;
	const struct row *row;
	struct approval_call call;
	struct audit_actor by;
	char tenant_name[ROUTE_PARAM_MAX]; /* "" = the caller's own */
	struct id about;	 /* an operator's call by an id: the key or revocation; else zero */
	struct buf text, sealed; /* the call, to be read */
	struct subject_key own;
	struct db *db; /* the lane's */
	struct id id;
	bool waits; /* for a second person, by this id */
	bool nobody;
};

static void text_wipe(struct buf *text)
{
	if (text->bytes)
		digest_wipe(text->bytes, text->len);
	buf_reset(text);
}

static void gate_free(struct gate *g)
{
	text_wipe(&g->text);
	buf_clear(&g->text);
	buf_clear(&g->sealed);
	free(g);
}

static struct gate *gate_of(const struct record_batch *batch)
{
	return (struct gate *)(void *)batch->items[0];
}

static void asked(void *ctx, enum err e, struct id id)
{
	struct record_batch *batch = ctx;
	struct gate *g = gate_of(batch);

	g->id = id;
	g->waits = !e;
	record_batch_end(batch, e);
}

static enum err call_seal(struct gate *g)
{
	enum err e;

	g->call.id = id_new(0);
	e = own_key_close(g->r->producer->keyring, &g->own,
		(struct sealed_where){SEALED_APPROVAL, g->call.id, 0},
		(struct db_bytes){g->text.bytes, g->text.len}, &g->sealed);
	g->call.sealed = (struct db_bytes){g->sealed.bytes, g->sealed.len};
	return e;
}

static void keyed(void *ctx, enum err e)
{
	struct record_batch *batch = ctx;
	struct gate *g = gate_of(batch);

	if (!e)
		e = call_seal(g);
	if (!e)
		e = approval_ask(g->db, &g->call, &g->by, asked, batch);
	if (e)
		record_batch_end(batch, e);
}

static enum err key_run(struct gate *g, struct record_batch *batch)
{
	g->own = (struct subject_key){.tenant = g->call.tenant};
	return own_key_ensure(g->r->producer->keyring, g->db, &g->own, keyed, batch);
}

static void taken(void *ctx, enum err e, bool is_taken)
{
	struct record_batch *batch = ctx;

	if (!e && !is_taken)
		e = key_run(gate_of(batch), batch);
	else {
		record_batch_end(batch, e);
		return;
	}
	if (e)
		record_batch_end(batch, e);
}

static void ruled(void *ctx, enum err e, const struct approval_rule *rule)
{
	struct record_batch *batch = ctx;
	struct gate *g = gate_of(batch);
	const bool needed = !e && (rule->two_people || (g->row->flags & ALWAYS));

	g->call.tenant = rule->tenant;
	g->nobody = needed && !two_people_knows(&g->r->caller);
	if (g->nobody)
		e = ERR_FORBIDDEN;
	if (!e && needed)
		e = approval_take(g->db, &g->call, &g->by, taken, batch);
	if (e || !needed)
		record_batch_end(batch, e);
}

static enum err gate_run(struct db *db, struct record_batch *batch)
{
	struct gate *g = gate_of(batch);

	g->db = db;
	if (!id_is_zero(g->about))
		return g->row->whose == OF_KEY
			       ? approval_rule_of_key(db, g->about, ruled, batch)
			       : approval_rule_of_revocation(db, g->about, ruled, batch);
	return approval_rule_read(
		db, g->r->caller.tenant, g->tenant_name[0] ? g->tenant_name : NULL, ruled, batch);
}

const struct record_op two_people_op = {"two_people", RECORD_SECURITY, 1, gate_run, NULL};

/* ---- the answer ---- */

static void refuse(const struct gate *g, enum err e)
{
	char detail[DETAIL_MAX], id[ID_TEXT_MAX];

	if (g->nobody) {
		request_fail_detail(g->r, e,
			"this needs two people: it is asked for with a key that acts for a user");
		return;
	}
	if (e == ERR_NOT_FOUND && id_is_zero(g->about) && g->tenant_name[0]) {
		(void)snprintf(
			detail, sizeof detail, "there is no tenant called %s", g->tenant_name);
		request_fail_detail(g->r, e, detail);
		return;
	}
	if (e != ERR_APPROVAL) {
		request_fail(g->r, e);
		return;
	}
	id_format("apr", g->id, id);
	(void)snprintf(detail, sizeof detail,
		"a second person must approve of this: %s; then make the same call again", id);
	request_fail_detail(g->r, e, detail);
}

static void gate_done(struct record_item *item, enum err e)
{
	struct gate *g = (struct gate *)(void *)item;
	struct request *r = g->r;

	if (!e && g->waits)
		e = ERR_APPROVAL;
	if (e)
		refuse(g, e);
	r->gate_err = e;
	gate_free(g);
	request_resume(r);
}

/* ---- the call ---- */

static void path_put(struct buf *out, const struct route_match *match)
{
	size_t param = 0;

	for (const char *c = match->route->pattern; *c; c++)
		if (*c == '{') {
			(void)buf_text(out, match->params[param++]);
			c = strchr(c, '}');
		} else
			(void)buf_char(out, *c);
}

/* NULL: it cannot be written. body is taken. */
static json_t *call_json(const struct request *r, json_t *body)
{
	json_t *call;
	struct buf path;

	buf_init(&path, 1024);
	path_put(&path, &r->match);
	call = json_pack("{s:s, s:s, s:o}", "method", r->match.route->method, "path",
		path.bytes ? path.bytes : "", "body", body);
	buf_clear(&path);
	return call;
}

/* What is read of the call: all but its secret. */
static enum err secret_hide(struct gate *g, json_t *call)
{
	json_t *body = json_object_get(call, "body");

	if (!(g->row->flags & HIDES) || !json_object_get(body, "secret"))
		return ERR_OK;
	text_wipe(&g->text);
	return json_object_set_new(body, "secret", json_string("(not shown)"))
		       ? ERR_NOMEM
		       : json_write(call, &g->text);
}

/* As JSON, laid out one way; the digest is of all of it. body is taken. */
static enum err call_take(struct gate *g, json_t *body)
{
	json_t *call = call_json(g->r, body);
	enum err e = call ? json_write(call, &g->text) : ERR_INVALID_FIELD;

	if (!e)
		g->call.digest = pseudonym(
			&g->r->producer->pseudonyms, "approval", NULL, g->text.bytes, g->text.len);
	if (!e)
		e = secret_hide(g, call);
	json_decref(call);
	return e;
}

/* Of the thing that the path names. NULL: it names none. */
static const char *id_type(const struct row *row)
{
	static const char *const types[] = {[OF_KEY] = "key", [OF_REVOCATION] = "rev"};

	return types[row->whose];
}

static const char *tenant_of(const struct request *r, const struct row *row, const json_t *body)
{
	struct id about;

	if (r->match.route->access == ROUTE_TENANT)
		return "";
	if (row->whose == OF_PATH)
		return r->match.params[0];
	if (id_type(row))
		return id_parse(id_type(row), r->match.params[0], &about) ? "" : NULL;
	return row->whose == OF_BODY ? json_string_value(json_object_get(body, "tenant")) : "";
}

static struct gate *gate_new(struct request *r, const struct row *row)
{
	struct gate *g = calloc(1, sizeof *g);

	if (!g)
		return NULL;
	g->item.op = &two_people_op;
	g->item.done = gate_done;
	g->item.owner = r->producer;
	g->r = r;
	g->row = row;
	g->by = request_actor(r);
	if (id_type(row) && r->match.route->access == ROUTE_OPERATOR)
		(void)id_parse(id_type(row), r->match.params[0], &g->about);
	g->call = (struct approval_call){.action = row->action,
		.by = two_people_approver(&r->caller),
		.keeps = (row->flags & KEEPS) != 0};
	buf_init(&g->text, TEXT_MAX_BYTES);
	buf_init(&g->sealed, TEXT_MAX_BYTES + SEALED_OVERHEAD);
	return g;
}

/* body is taken. */
static enum err gate_start(
	struct request *r, const struct row *row, const char *tenant, json_t *body)
{
	struct gate *g = gate_new(r, row);
	enum err e = ERR_NOMEM;

	if (g) {
		(void)snprintf(g->tenant_name, sizeof g->tenant_name, "%s", tenant);
		e = call_take(g, body);
	} else
		json_decref(body);
	if (e) {
		if (g)
			gate_free(g);
		request_fail(r, e);
		return e;
	}
	request_park(r);
	e = record_add_for(r, &g->item);
	if (e)
		gate_done(&g->item, e);
	return ERR_OK;
}

/* What is no JSON stays NULL: its handler refuses that. Else an error: nobody knows what it is. */
static enum err body_read(struct request *r, json_t **ret_body)
{
	struct problems p = {0};
	enum err e;

	if (r->body.len == 0) {
		*ret_body = json_null();
		return ERR_OK;
	}
	e = request_input_json(r, &p, ret_body);
	return e == ERR_INVALID_JSON ? ERR_OK : e;
}

static bool is_dry(const struct request *r, const struct row *row)
{
	return (row->flags & DRIES) != 0 && request_input_is_dry(r);
}

static bool only_disables(const struct row *row, const json_t *body)
{
	return (row->flags & DISABLES) != 0 && json_object_size(body) == 1 &&
	       json_is_true(json_object_get(body, "disabled"));
}

enum err two_people_check(struct request *r, bool *ret_parked)
{
	const struct row *row = row_of(r->match.route);
	const char *tenant;
	json_t *body = NULL;
	enum err e;

	if (!row || r->gated || is_dry(r, row))
		return r->gate_err;
	r->gated = true;
	e = body_read(r, &body);
	if (e) {
		request_fail(r, e);
		return e;
	}
	tenant = body && !only_disables(row, body) ? tenant_of(r, row, body) : NULL;
	if (!tenant) {
		json_decref(body);
		return ERR_OK;
	}
	e = gate_start(r, row, tenant, body);
	*ret_parked = !e;
	return e;
}
