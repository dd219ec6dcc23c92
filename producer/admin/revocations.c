#include "admin/revocations.h"

#include "access/authority.h"
#include "admin/revocation_entries.h"
#include "admin/shut_out_call.h"
#include "ground/clock.h"
#include "identity/claims.h"
#include "jobs/job_json.h"
#include "producer.h"
#include "request_input.h"
#include "stores/issuer.h"
#include "stores/revocation.h"

#include <stdio.h>
#include <string.h>

enum { NETWORK_TEXT_MAX = 50 };

static void put(void *ctx, enum err e, const struct revocation_entry *entries, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e && n)
		revocation_entry_put(
			reply_json(&tenant_call_of(batch)->call.r->reply, 201), entries);
	record_batch_end(batch, e);
}

static enum err put_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);
	const struct revocation_entry entry = {.r = t->ends,
		.subject_type = t->ends_type[0] ? t->ends_type : NULL,
		.issuer = t->issuer};

	return revocation_put(db, t->of, &entry, &t->by, put, batch);
}

const struct record_op revocation_put_op = {"revocation_put", RECORD_SECURITY, 1, put_run, NULL};

static void changed(struct record_call *call)
{
	authority_look(call->r->producer->authority);
	request_resume(call->r);
}

static bool is_token(const struct tenant_call *t)
{
	return t->ends.kind == REVOCATION_CREDENTIAL;
}

static const char *text_of(const struct tenant_call *t, const char *name)
{
	return json_string_value(json_object_get(t->body, name));
}

/* ---- somebody by what an issuer calls him ---- */

/* The name that his tokens and what they are exchanged for have here (token_check.c). */
static void issuer_found(void *ctx, enum err e, const struct issuer *issuers, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);

	if (!e && n) {
		t->issuer = issuers->id;
		t->tenant = issuers->tenant;
		(void)snprintf(t->name, sizeof t->name, "%s", issuers->tenant_name);
		t->ends.subject = claims_id("sub", issuers->id, text_of(t, "sub"));
	}
	record_batch_end(batch, e);
}

static enum err issuer_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);

	return issuer_find(db, t->tenant, text_of(t, "issuer"), issuer_found, batch);
}

const struct record_op revocation_issuer_op = {
	"revocation_issuer", RECORD_SECURITY, 1, issuer_run, NULL};

/* ---- somebody by one of his keys ---- */

/* What its tokens have as sub, and its jobs as their principal. */
static void key_found(void *ctx, enum err e, const struct api_key *keys, size_t n)
{
	struct record_batch *batch = ctx;
	struct tenant_call *t = tenant_call_of(batch);

	if (!e && n) {
		const bool acts = !id_is_zero(keys->user);

		t->key = keys->id;
		t->ends.subject = acts ? keys->user : keys->principal;
		(void)snprintf(t->ends_type, sizeof t->ends_type, "%s", acts ? "usr" : "key");
	}
	record_batch_end(batch, e);
}

static enum err key_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);

	return api_key_get(db, t->tenant, t->ends.subject, key_found, batch);
}

const struct record_op revocation_key_op = {"revocation_key", RECORD_SECURITY, 1, key_run, NULL};

static bool wants_key(const struct tenant_call *t)
{
	return t->ends.kind == REVOCATION_USER && strcmp(t->ends_type, "key") == 0 &&
	       id_is_zero(t->key);
}

static bool wants_issuer(const struct tenant_call *t)
{
	return text_of(t, "issuer") && id_is_zero(t->issuer);
}

/* ---- a dry run ---- */

/* Keys count by where they are used, which nobody knows ahead; another tenant's families are not
 * to be seen but one tenant at a time. */
static unsigned unknown_of(const struct tenant_call *t)
{
	if (t->ends.kind != REVOCATION_NETWORK)
		return 0;
	return UNKNOWN_KEYS | UNKNOWN_USERS | (id_is_zero(t->ends.tenant) ? UNKNOWN_FAMILIES : 0);
}

/* Whom a key or an issuer's word means has been found by then. */
static void whom_put(struct buf *out, const struct tenant_call *t)
{
	char user[ID_TEXT_MAX];

	if (t->ends.kind != REVOCATION_USER)
		return;
	id_format(t->ends_type, t->ends.subject, user);
	job_json_text(out, "user", user);
	if (!id_is_zero(t->issuer))
		job_json_text(out, "issuer", text_of(t, "issuer"));
}

/* The caller's own key goes on whatever the list says of addresses: others' used from there do not.
 */
static void dry_counted(struct record_call *call)
{
	struct tenant_call *t = (struct tenant_call *)(void *)call;
	struct buf *out = shut_out_begin(t);

	if (!t->ends.before_ms)
		t->ends.before_ms = clock_record_ms();
	job_json_text(out, "kind", revocation_kind_text(t->ends.kind));
	job_json_text(out, "tenant", t->name[0] ? t->name : NULL);
	whom_put(out, t);
	(void)buf_char(out, ',');
	job_json_time(out, "before", t->ends.before_ms);
	if (t->ends.kind == REVOCATION_NETWORK)
		(void)buf_printf(out, ",\"your_address\":%s",
			egress_net_holds(&t->ends.network, t->call.r->address) ? "true" : "false");
	shut_out_end(t, unknown_of(t));
}

/* ---- doing it ---- */

/* What is to be run next. */
static const struct record_op *ready(struct tenant_call *t)
{
	const bool dry = request_input_is_dry(t->call.r);

	if (is_token(t))
		t->ends.ends_ms = clock_record_ms() + REVOCATION_TOKEN_MS;
	t->call.then = dry ? dry_counted : changed;
	return dry ? &shut_out_op : &revocation_put_op;
}

/* False: it was answered. Operators revoke beyond a tenant's part. */
static bool has_room(const struct tenant_call *t)
{
	struct request *r = t->call.r;
	const enum revocation_share share =
		tenant_call_is_own(r) ? revocation_share(&t->ends) : REVOCATION_UNCOUNTED;
	const enum err e = authority_room(r->producer->authority, share, t->of);

	if (e)
		request_fail_detail(
			r, e, e == ERR_REVOCATIONS_FULL ? authority_full_why(share) : NULL);
	return !e;
}

static void key_find(struct tenant_call *t)
{
	t->call.missing = "this tenant has no such key: longhaul api-key list tells which it has";
	record_call_again(&t->call, &revocation_key_op);
}

static void subject_find(struct tenant_call *t)
{
	t->call.missing = "no such issuer is registered here: say its iss, to the letter";
	record_call_again(&t->call, &revocation_issuer_op);
}

/* Of a tenant that is named, of the caller's own, or of an issuer's. */
static void tenant_found(struct record_call *call)
{
	struct tenant_call *t = (struct tenant_call *)(void *)call;

	t->ends.tenant = t->tenant;
	if (wants_issuer(t))
		subject_find(t);
	else if (wants_key(t))
		key_find(t);
	else if (has_room(t))
		record_call_again(call, ready(t));
	else
		request_resume(call->r);
}

/* ---- what is to be shut out ---- */

static bool user_read(const char *text, struct revocation *r)
{
	r->kind = REVOCATION_USER;
	return id_parse("usr", text, &r->subject) || id_parse("key", text, &r->subject);
}

static bool credential_read(const char *text, struct revocation *r)
{
	r->kind = REVOCATION_CREDENTIAL;
	return id_parse(TOKEN_JTI, text, &r->subject) || id_parse(TOKEN_FAMILY, text, &r->subject);
}

/* Whom it means the record tells (issuer_found). */
static bool issuer_read(const char *text, struct revocation *r)
{
	r->kind = REVOCATION_USER;
	return true;
}

static bool network_read(const char *text, struct revocation *r)
{
	r->kind = REVOCATION_NETWORK;
	return egress_net_parse(text, &r->network);
}

static const struct way {
	const char *name;
	bool (*read)(const char *text, struct revocation *r);
	bool typed;	  /* an id, which says of what */
	const char *type; /* of what, when it is none */
	const char *want;
} ways[] = {{"user", user_read, true, "",
		    "must be a usr_ id, or the key_ id of a key that acts as whom is meant"},
	{"issuer", issuer_read, false, "usr", ""},
	{"token", credential_read, true, "",
		"must be a tok_ or fam_ id: the jti of a token, or its family"},
	{"network", network_read, false, "",
		"must be an address or a network such as 10.1.0.0/16"}};

/* One way at most. None: everybody of the tenant. The number of ways. */
static size_t way_read(struct tenant_call *t, const json_t *body, struct problems *p)
{
	size_t n = json_is_true(json_object_get(body, "everybody"));

	t->ends.kind = REVOCATION_TENANT;
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		const char *text = json_string_value(json_object_get(body, ways[i].name));
		char pointer[16];

		if (!text)
			continue;
		(void)snprintf(pointer, sizeof pointer, "/%s", ways[i].name);
		if (!ways[i].read(text, &t->ends))
			problems_add(p, pointer, "%s", ways[i].want);
		if (n++)
			problems_add(p, pointer,
				"one of user, issuer, token, network and everybody at a time");
		(void)snprintf(t->ends_type, sizeof t->ends_type, "%s",
			ways[i].typed ? text : ways[i].type);
	}
	return n;
}

/* A tenant's own caller has to say that everybody is meant: a body that is empty by a slip shuts
 * nobody out. */
static void subject_read(struct tenant_call *t, const json_t *body, struct problems *p)
{
	const size_t n = way_read(t, body, p);

	if (!json_object_get(body, "issuer") != !json_object_get(body, "sub"))
		problems_add(p, "/sub", "goes with issuer: what that one calls somebody");
	if (tenant_call_is_own(t->call.r)) {
		t->ends.tenant = t->of;
		if (n == 0)
			problems_add(
				p, "", "needs user, issuer, token or network, or everybody: true");
	} else if (t->ends.kind != REVOCATION_NETWORK && !json_object_get(body, "tenant") &&
		   !json_object_get(body, "issuer")) {
		problems_add(p, "/tenant", "is needed for all but a network or an issuer");
	}
}

static void moment_read(const json_t *body, struct revocation *r, struct problems *p)
{
	const char *text = json_string_value(json_object_get(body, "before"));

	if (text && (clock_parse(text, &r->before_ms) || r->before_ms <= 0))
		problems_add(p, "/before", "must be a time such as 2026-01-31T12:00:00Z");
	/* nobody is locked out of the future by a slip of the hand */
	if (text && r->before_ms > clock_record_ms())
		problems_add(p, "/before", "must not lie in the future");
}

static bool revocation_read(struct tenant_call *t, const json_t *body)
{
	struct problems p = {0};

	subject_read(t, body, &p);
	moment_read(body, &t->ends, &p);
	if (p.total)
		request_fail_with(t->call.r, ERR_INVALID_FIELD, &p);
	return p.total == 0;
}

static void revocation_start(struct tenant_call *t)
{
	t->call.then = tenant_found;
	if (t->name[0] || !id_is_zero(t->of)) {
		record_call_start(&t->call, &tenant_find_op);
	} else if (wants_issuer(t)) {
		request_park(t->call.r);
		subject_find(t);
	} else if (has_room(t)) {
		record_call_start(&t->call, ready(t));
	}
}

void revocations_post(struct request *r)
{
	/* the first is the operators' alone */
	static const struct json_field fields[] = {{"tenant", JSON_IS_STRING, JSON_OPTIONAL, 1, 64},
		{"user", JSON_IS_STRING, JSON_OPTIONAL, 1, ID_TEXT_MAX},
		{"issuer", JSON_IS_STRING, JSON_OPTIONAL, 1, ISSUER_TEXT_MAX},
		{"sub", JSON_IS_STRING, JSON_OPTIONAL, 1, CLAIMS_TEXT_MAX},
		{"token", JSON_IS_STRING, JSON_OPTIONAL, 1, ID_TEXT_MAX},
		{"network", JSON_IS_STRING, JSON_OPTIONAL, 1, NETWORK_TEXT_MAX},
		{"everybody", JSON_IS_BOOL, JSON_OPTIONAL, 0, 0},
		{"before", JSON_IS_STRING, JSON_OPTIONAL, 1, CLOCK_TEXT_MAX},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	json_t *body = request_input_dry(r)
			       ? request_input_body(r, fields + tenant_call_is_own(r), false)
			       : NULL;
	const char *tenant = json_string_value(json_object_get(body, "tenant"));
	struct tenant_call *t = body ? tenant_call_new(r, tenant ? tenant : "") : NULL;

	if (!t) {
		json_decref(body);
		return;
	}
	t->body = body;
	if (revocation_read(t, body))
		revocation_start(t);
}
