#include "admin/key_ends.h"

#include "access/authority.h"
#include "access/keys.h"
#include "admin/api_keys.h"
#include "admin/key_rights.h"
#include "admin/shut_out_call.h"
#include "ground/clock.h"
#include "jobs/job_json.h"
#include "producer.h"
#include "request_input.h"

#include <stdio.h>
#include <string.h>

enum { OVERLAP_S = 86400, OVERLAP_MAX_S = 2592000 };

struct end_call {
	struct tenant_call tenant; /* first */
	bool rotates, is_operators;
	bool may_rotate; /* neither revoked nor run out, and no successor yet */
	int64_t ends_ms; /* the key's end, when it is rotated */
};

static struct end_call *of(const struct record_call *call)
{
	return (struct end_call *)(void *)call;
}

/* ---- the key, before it ends: for a dry run, and for who may rotate it ---- */

static int64_t end_of(const struct end_call *c, const struct api_key *k)
{
	const int64_t ends_ms = clock_record_ms() + c->tenant.seconds * 1000;

	return k->expires_ms && k->expires_ms < ends_ms ? k->expires_ms : ends_ms;
}

/* What its successor would hold. */
static void held_take(struct tenant_call *t, const struct api_key *k)
{
	t->holder = k->user;
	t->has_scopes = k->has_scopes;
	(void)snprintf(t->roles, sizeof t->roles, "%s", k->roles ? k->roles : "");
	(void)snprintf(t->scopes, sizeof t->scopes, "%s", k->has_scopes ? k->scopes : "");
}

static void key_take(struct end_call *c, const struct api_key *k)
{
	held_take(&c->tenant, k);
	c->is_operators = k->operator;
	c->may_rotate = !k->revoked_ms && !k->is_rotated &&
			(!k->expires_ms || k->expires_ms > clock_record_ms());
	c->ends_ms = end_of(c, k);
	c->tenant.ends = (struct revocation){
		.kind = REVOCATION_CREDENTIAL, .tenant = k->tenant, .subject = k->id};
	api_key_put(&c->tenant.text, k);
}

static void got(void *ctx, enum err e, const struct api_key *keys, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e && n) {
		key_take(of(record_call_of(batch)), keys);
		e = buf_err(&tenant_call_of(batch)->text);
	}
	record_batch_end(batch, e);
}

static enum err get_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);

	return api_key_get(db, t->of, t->key, got, batch);
}

const struct record_op api_key_get_op = {"api_key_get", RECORD_SECURITY, 1, get_run, NULL};

/* What was bought with it goes on the list, else it runs out by itself. */
static bool ends_at_once(const struct end_call *c)
{
	return !c->rotates || c->tenant.seconds == 0;
}

static void dry_counted(struct record_call *call)
{
	struct end_call *c = of(call);
	struct tenant_call *t = &c->tenant;
	struct buf *out = shut_out_begin(t);

	(void)buf_printf(out, ",\"key\":%.*s}", (int)t->text.len, t->text.bytes);
	(void)buf_printf(out, ",\"tokens_end\":%s", ends_at_once(c) ? "true" : "false");
	if (c->rotates) {
		(void)buf_char(out, ',');
		job_json_time(out, "ends_at", c->ends_ms);
	}
	if (c->is_operators && !c->rotates)
		(void)buf_printf(out, ",\"operators_left\":%lld", (long long)t->shut_out.operators);
	shut_out_end(t, 0);
}

/* The old key's new end is to be seen at once, and so is that of what was bought with it. */
static void rotate_done(struct record_call *call)
{
	keys_forget(call->r->producer->keys);
	authority_look(call->r->producer->authority);
	request_resume(call->r);
}

static void looked(struct record_call *call)
{
	if (request_input_is_dry(call->r)) {
		call->then = dry_counted;
		record_call_again(call, &shut_out_op);
	} else {
		call->then = rotate_done;
		record_call_again(call, &api_key_rotate_op);
	}
}

/* ---- is there room for its successor? ---- */

static struct api_key_rotation rotation_of(const struct tenant_call *t)
{
	return (struct api_key_rotation){
		.of = t->of, .old = t->key, .overlap_s = t->seconds, .most = api_keys_most(t)};
}

static void room_told(void *ctx, enum err e)
{
	record_batch_end(ctx, e);
}

static enum err room_run(struct db *db, struct record_batch *batch)
{
	const struct api_key_rotation rotation = rotation_of(tenant_call_of(batch));

	return api_key_room(db, &rotation, room_told, batch);
}

const struct record_op api_key_room_op = {"api_key_room", RECORD_SECURITY, 1, room_run, NULL};

static void rights_checked(struct record_call *call)
{
	if (key_rights_refused(&of(call)->tenant))
		return;
	if (request_input_is_dry(call->r)) {
		call->then = looked;
		record_call_again(call, &api_key_room_op);
	} else {
		looked(call);
	}
}

/* Refused as api_key_rotate refuses it. */
static void key_got(struct record_call *call)
{
	struct end_call *c = of(call);

	if (c->rotates && !c->may_rotate) {
		request_fail(call->r, ERR_NOT_FOUND);
		request_resume(call->r);
	} else if (c->rotates) {
		key_rights_check(&c->tenant, rights_checked);
	} else {
		looked(call);
	}
}

/* NULL: the request was answered. */
static struct tenant_call *end_new(struct request *r, bool rotates)
{
	struct tenant_call *t =
		request_input_dry(r) ? tenant_call_sized(r, "", sizeof(struct end_call)) : NULL;

	if (!t)
		return NULL;
	of(&t->call)->rotates = rotates;
	if (id_parse("key", r->match.params[0], &t->key))
		return t;
	request_fail(r, ERR_NOT_FOUND);
	return NULL;
}

/* With a look at the key first, or straight to op. */
static void end_start(struct tenant_call *t, bool looks, const struct record_op *op,
	void (*then)(struct record_call *call))
{
	t->call.then = looks ? key_got : then;
	record_call_start(&t->call, looks ? &api_key_get_op : op);
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
	const struct tenant_call *t = tenant_call_of(batch);

	return api_key_revoke(db, t->of, t->key, &t->by, revoked, batch);
}

const struct record_op api_key_revoke_op = {"api_key_revoke", RECORD_SECURITY, 1, revoke_run, NULL};

static void revoke_done(struct record_call *call)
{
	keys_forget(call->r->producer->keys);
	authority_look(call->r->producer->authority);
	call->r->reply.status = 204;
	request_resume(call->r);
}

/* False: it was answered. Operators end as many as they have to; a list that is full of others'
 * entries keeps no key alive. */
static bool has_room(const struct tenant_call *t)
{
	struct request *r = t->call.r;
	const bool full = tenant_call_is_own(r) &&
			  authority_room(r->producer->authority, REVOCATION_KEYS, t->of) ==
				  ERR_REVOCATIONS_FULL;

	if (full)
		request_fail_detail(r, ERR_REVOCATIONS_FULL, authority_full_why(REVOCATION_KEYS));
	return !full;
}

void api_keys_delete(struct request *r)
{
	struct tenant_call *t = end_new(r, false);

	if (t && has_room(t))
		end_start(t, request_input_is_dry(r), &api_key_revoke_op, revoke_done);
}

/* ---- rotate ---- */

static enum err rotate_run(struct db *db, struct record_batch *batch)
{
	struct tenant_call *t = tenant_call_of(batch);
	struct api_key_rotation rotation = rotation_of(t);

	rotation.key.id = id_new(0);
	rotation.key.person = t->call.r->caller.person;
	apikey_hash(t->secret, strlen(t->secret), rotation.key.hash);
	return api_key_rotate(db, &rotation, &t->by, api_key_made, batch);
}

const struct record_op api_key_rotate_op = {"api_key_rotate", RECORD_SECURITY, 1, rotate_run, NULL};

void api_keys_rotate(struct request *r)
{
	static const struct json_field fields[] = {
		{"overlap_s", JSON_IS_INTEGER, JSON_OPTIONAL, 0, OVERLAP_MAX_S},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	json_t *body = request_input_body(r, fields, true);
	const json_t *overlap = json_object_get(body, "overlap_s");
	struct tenant_call *t = body ? end_new(r, true) : NULL;

	if (t) {
		t->seconds = overlap ? json_integer_value(overlap) : OVERLAP_S;
		if (t->seconds)
			t->call.keys_full =
				"the tenant has as many good API keys as its own people may "
				"make, and the old one counts until it ends: rotate with "
				"overlap_s 0 (`--overlap 0`), which ends it at once, end some "
				"that are needed no longer, or ask an operator";
		apikey_new(t->secret);
		if (!ends_at_once(of(&t->call)) || has_room(t))
			end_start(t, request_input_is_dry(r) || tenant_call_is_own(r),
				&api_key_rotate_op, rotate_done);
	}
	json_decref(body);
}
