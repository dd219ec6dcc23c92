#include "admin/revocations.h"

#include "access/authority.h"
#include "admin/revocation_entries.h"
#include "admin/shut_out_call.h"
#include "ground/clock.h"
#include "jobs/job_json.h"
#include "producer.h"
#include "request_input.h"
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
	const struct revocation_entry entry = {
		.r = t->ends, .subject_type = t->ends_type[0] ? t->ends_type : NULL};

	return revocation_put(db, t->of, &entry, &t->by, put, batch);
}

const struct record_op revocation_put_op = {"revocation_put", RECORD_SLOW, 1, put_run, NULL};

static void changed(struct record_call *call)
{
	authority_look(call->r->producer->authority);
	request_resume(call->r);
}

static bool is_token(const struct tenant_call *t)
{
	return t->ends.kind == REVOCATION_CREDENTIAL;
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

/* False: it was answered. Tokens take from the tenant's part whoever revokes them. */
static bool has_room(const struct tenant_call *t)
{
	struct request *r = t->call.r;
	const enum err e = authority_room(
		r->producer->authority, t->ends.kind, is_token(t) ? t->tenant : t->of);
	const char *why = is_token(t) ? REVOCATIONS_FULL_WHY : REVOCATIONS_STANDING_WHY;

	if (e)
		request_fail_detail(r, e, e == ERR_REVOCATIONS_FULL ? why : NULL);
	return !e;
}

static void tenant_found(struct record_call *call)
{
	struct tenant_call *t = (struct tenant_call *)(void *)call;

	t->ends.tenant = t->tenant;
	if (has_room(t))
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

static bool network_read(const char *text, struct revocation *r)
{
	r->kind = REVOCATION_NETWORK;
	return egress_net_parse(text, &r->network);
}

static const struct way {
	const char *name;
	bool (*read)(const char *text, struct revocation *r);
	bool typed; /* an id, which says of what */
	const char *want;
} ways[] = {{"user", user_read, true, "must be a usr_ or key_ id, the sub of its tokens"},
	{"token", credential_read, true,
		"must be a tok_ or fam_ id: the jti of a token, or its family"},
	{"network", network_read, false, "must be an address or a network such as 10.1.0.0/16"}};

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
			problems_add(
				p, pointer, "one of user, token, network and everybody at a time");
		if (ways[i].typed)
			(void)snprintf(t->ends_type, sizeof t->ends_type, "%s", text);
	}
	return n;
}

/* A tenant's own caller has to say that everybody is meant: a body that is empty by a slip shuts
 * nobody out. */
static void subject_read(struct tenant_call *t, const json_t *body, struct problems *p)
{
	const size_t n = way_read(t, body, p);

	if (tenant_call_is_own(t->call.r)) {
		t->ends.tenant = t->of;
		if (n == 0)
			problems_add(p, "", "needs user, token or network, or everybody: true");
	} else if (t->ends.kind != REVOCATION_NETWORK && !json_object_get(body, "tenant")) {
		problems_add(p, "/tenant", "is needed for all but a network");
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
	if (t->name[0] || !id_is_zero(t->of)) {
		t->call.then = tenant_found;
		record_call_start(&t->call, &tenant_find_op);
	} else if (has_room(t)) {
		record_call_start(&t->call, ready(t));
	}
}

void revocations_post(struct request *r)
{
	/* the first is the operators' alone */
	static const struct json_field fields[] = {{"tenant", JSON_IS_STRING, JSON_OPTIONAL, 1, 64},
		{"user", JSON_IS_STRING, JSON_OPTIONAL, 1, ID_TEXT_MAX},
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

	if (t && revocation_read(t, body))
		revocation_start(t);
	json_decref(body);
}
