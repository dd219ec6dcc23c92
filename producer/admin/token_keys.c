#include "admin/token_keys.h"

#include "access/authority.h"
#include "access/signing.h"
#include "ground/clock.h"
#include "jobs/job_json.h"
#include "producer.h"
#include "record_call.h"
#include "request_input.h"

/* Others may have fetched our set up to its max-age ago: a key is published so long before it
 * signs. */
enum { PUBLISHED_FIRST_S = 900, KEEP_MORE_S = 120, SIGNS_IN_MAX_S = 2592000 };

struct rotate_call {
	struct record_call call; /* first */
	struct audit_actor by;
	struct signing signing;
	bool emergency;
	int64_t signs_in_s;
};

static struct rotate_call *of(const struct record_batch *batch)
{
	return (struct rotate_call *)(void *)record_call_of(batch);
}

/* ---- shown ---- */

static const char *state_of(const struct signing_key *k, int64_t now_ms, bool *signs)
{
	if (k->ends_ms && k->ends_ms <= now_ms)
		return "ended";
	if (k->signs_ms > now_ms)
		return "next";
	if (*signs)
		return "verifies";
	*signs = true;
	return "signs";
}

static void key_put(struct buf *out, const struct signing_key *k, const char *state)
{
	char id[ID_TEXT_MAX];

	id_format(TOKEN_KID, k->id, id);
	(void)buf_printf(out,
		"{\"object\":\"signing_key\",\"kind\":\"token\",\"id\":\"%s\",\"state\":\"%s\",",
		id, state);
	job_json_time(out, "created_at", k->created_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "signs_at", k->signs_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "ends_at", k->ends_ms);
	(void)buf_char(out, '}');
}

void token_keys_put(struct buf *out, const struct signing_key *keys, size_t n)
{
	int64_t now_ms = clock_record_ms();
	bool signs = false;

	/* our idea of the record's clock may be a little behind what it has just written */
	if (n && keys->created_ms > now_ms)
		now_ms = keys->created_ms;
	for (size_t i = 0; i < n; i++) {
		if (i)
			(void)buf_char(out, ',');
		key_put(out, &keys[i], state_of(&keys[i], now_ms, &signs));
	}
}

/* ---- rotate ---- */

static void rotated(void *ctx, enum err e, const struct signing_key *keys, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e && n)
		token_keys_put(reply_json(&of(batch)->call.r->reply, 201), keys, 1);
	record_batch_end(batch, e);
}

static void change_fill(const struct rotate_call *c, struct signing_key_change *change)
{
	const struct config *config = c->call.r->producer->config;

	change->action = c->emergency ? "signing_key.emergency" : "signing_key.rotate";
	if (c->emergency)
		return;
	change->signs_in_s = c->signs_in_s;
	change->keep_s = config->identity.token_ttl_s + CLAIMS_LEEWAY_S + KEEP_MORE_S;
}

static enum err store(struct db *db, const struct signing_key *key, struct record_batch *batch)
{
	const struct rotate_call *c = of(batch);
	struct signing_key_change change = {.key = *key};

	change_fill(c, &change);
	return signing_key_rotate(db, &change, &c->by, rotated, batch);
}

static enum err rotate_run(struct db *db, struct record_batch *batch)
{
	struct rotate_call *c = of(batch);

	c->signing.ring = c->call.r->producer->keyring;
	c->signing.store = store;
	return signing_make(&c->signing, db, batch);
}

const struct record_op token_key_rotate_op = {
	"token_key_rotate", RECORD_SECURITY, 1, rotate_run, NULL};

/* ---- what it would do ---- */

/* An emergency ends all that verify still, at once; else they verify until their tokens have run
 * out. */
static void ends_put(const struct rotate_call *c, const struct signing_key *keys, size_t n)
{
	struct buf *out = reply_json(&c->call.r->reply, 200);
	const int64_t now_ms = clock_record_ms();
	const char *comma = "";
	char id[ID_TEXT_MAX];

	(void)buf_printf(out, "{\"object\":\"change\",\"dry_run\":true,\"emergency\":%s,\"ends\":[",
		c->emergency ? "true" : "false");
	for (size_t i = 0; c->emergency && i < n; i++) {
		if (keys[i].ends_ms && keys[i].ends_ms <= now_ms)
			continue;
		id_format(TOKEN_KID, keys[i].id, id);
		(void)buf_printf(out, "%s\"%s\"", comma, id);
		comma = ",";
	}
	(void)buf_text(out, "]}");
}

static void listed(void *ctx, enum err e, const struct signing_key *keys, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e)
		ends_put(of(batch), keys, n);
	record_batch_end(batch, e);
}

static enum err try_run(struct db *db, struct record_batch *batch)
{
	return signing_key_list(db, listed, batch);
}

const struct record_op token_key_try_op = {"token_key_try", RECORD_SLOW, 1, try_run, NULL};

/* ---- the call ---- */

static void changed(struct record_call *call)
{
	authority_look(call->r->producer->authority);
	request_resume(call->r);
}

void token_keys_rotate(struct request *r)
{
	static const struct json_field fields[] = {{"emergency", JSON_IS_BOOL, JSON_OPTIONAL, 0, 0},
		{"signs_in_s", JSON_IS_INTEGER, JSON_OPTIONAL, 0, SIGNS_IN_MAX_S},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	json_t *body = request_input_dry(r) ? request_input_body(r, fields, true) : NULL;
	struct rotate_call *c = body ? record_call_new(r, sizeof *c) : NULL;
	const json_t *signs_in = json_object_get(body, "signs_in_s");
	const bool dry = request_input_is_dry(r);

	if (c) {
		c->by = record_call_actor(&c->call);
		c->emergency = json_is_true(json_object_get(body, "emergency"));
		c->signs_in_s = signs_in ? json_integer_value(signs_in) : PUBLISHED_FIRST_S;
		c->call.then = dry ? NULL : changed;
		record_call_start(&c->call, dry ? &token_key_try_op : &token_key_rotate_op);
	}
	json_decref(body);
}
