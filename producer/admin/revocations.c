#include "admin/revocations.h"

#include "access/authority.h"
#include "admin/tenant_call.h"
#include "ground/clock.h"
#include "jobs/job_json.h"
#include "producer.h"
#include "request_input.h"
#include "stores/revocation.h"

#include <string.h>

enum { NETWORK_TEXT_MAX = 50 };

struct revocation_call {
	struct tenant_call tenant; /* first */
	struct revocation r;
};

static struct revocation_call *of(const struct record_batch *batch)
{
	return (struct revocation_call *)(void *)record_call_of(batch);
}

static void put(void *ctx, enum err e, const struct revocation_page *page)
{
	struct record_batch *batch = ctx;
	struct revocation_call *c = of(batch);

	if (!e && page->n) {
		struct buf *out = reply_json(&c->tenant.call.r->reply, 201);

		(void)buf_printf(out, "{\"object\":\"revocation\",\"kind\":\"%s\"",
			revocation_kind_text(page->list->kind));
		job_json_text(out, "tenant", c->tenant.name);
		(void)buf_char(out, ',');
		job_json_time(out, "before", page->list->before_ms);
		(void)buf_char(out, '}');
	}
	record_batch_end(batch, e);
}

static enum err put_run(struct db *db, struct record_batch *batch)
{
	struct revocation_call *c = of(batch);

	c->r.tenant = c->tenant.tenant;
	return revocation_put(db, &c->r, &c->tenant.by, put, batch);
}

const struct record_op revocation_put_op = {"revocation_put", RECORD_SLOW, 1, put_run, NULL};

static void changed(struct record_call *call)
{
	authority_look(call->r->producer->authority);
	request_resume(call->r);
}

static bool is_token(const struct revocation_call *c)
{
	return c->r.kind == REVOCATION_CREDENTIAL;
}

/* False: it was answered. */
static bool has_room(const struct revocation_call *c)
{
	struct request *r = c->tenant.call.r;
	const enum err e = authority_room(
		r->producer->authority, is_token(c) ? c->tenant.tenant : (struct id){{0}});

	if (e)
		request_fail_detail(r, e, e == ERR_REVOCATIONS_FULL ? REVOCATIONS_FULL_WHY : NULL);
	return !e;
}

static void tenant_found(struct record_call *call)
{
	struct revocation_call *c = (struct revocation_call *)(void *)call;

	if (!has_room(c)) {
		request_resume(call->r);
		return;
	}
	if (is_token(c))
		c->r.ends_ms = clock_record_ms() + REVOCATION_TOKEN_MS;
	call->then = changed;
	record_call_again(call, &revocation_put_op);
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
	const char *want;
} ways[] = {{"user", user_read, "must be a usr_ or key_ id, the sub of its tokens"},
	{"token", credential_read, "must be a tok_ or fam_ id: the jti of a token, or its family"},
	{"network", network_read, "must be an address or a network such as 10.1.0.0/16"}};

/* At most one way; none: everybody of the tenant. */
static void subject_read(const json_t *body, struct revocation *r, struct problems *p)
{
	size_t n = 0;

	r->kind = REVOCATION_TENANT;
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		const char *text = json_string_value(json_object_get(body, ways[i].name));
		char pointer[16];

		if (!text)
			continue;
		(void)snprintf(pointer, sizeof pointer, "/%s", ways[i].name);
		if (!ways[i].read(text, r))
			problems_add(p, pointer, "%s", ways[i].want);
		if (n++)
			problems_add(p, pointer, "one of user, token and network at a time");
	}
	if (r->kind != REVOCATION_NETWORK && !json_object_get(body, "tenant"))
		problems_add(p, "/tenant", "is needed for all but a network");
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

static bool revocation_read(struct request *r, const json_t *body, struct revocation *ret)
{
	struct problems p = {0};

	subject_read(body, ret, &p);
	moment_read(body, ret, &p);
	if (p.total)
		request_fail_with(r, ERR_INVALID_FIELD, &p);
	return p.total == 0;
}

void revocations_post(struct request *r)
{
	static const struct json_field fields[] = {{"tenant", JSON_IS_STRING, JSON_OPTIONAL, 1, 64},
		{"user", JSON_IS_STRING, JSON_OPTIONAL, 1, ID_TEXT_MAX},
		{"token", JSON_IS_STRING, JSON_OPTIONAL, 1, ID_TEXT_MAX},
		{"network", JSON_IS_STRING, JSON_OPTIONAL, 1, NETWORK_TEXT_MAX},
		{"before", JSON_IS_STRING, JSON_OPTIONAL, 1, CLOCK_TEXT_MAX},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	json_t *body = request_input_body(r, fields, false);
	const char *tenant = json_string_value(json_object_get(body, "tenant"));
	struct revocation what = {0};
	struct revocation_call *c = NULL;

	if (body && revocation_read(r, body, &what))
		c = (struct revocation_call *)(void *)tenant_call_sized(
			r, tenant ? tenant : "", sizeof *c);
	if (c)
		c->r = what;
	if (c && (tenant || has_room(c))) {
		c->tenant.call.then = tenant ? tenant_found : changed;
		record_call_start(&c->tenant.call, tenant ? &tenant_find_op : &revocation_put_op);
	}
	json_decref(body);
}
