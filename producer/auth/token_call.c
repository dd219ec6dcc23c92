#include "auth/token_call.h"

#include "access/actor.h"
#include "access/keys.h"
#include "access/reading.h"
#include "access/token_check.h"
#include "access/unproved.h"
#include "auth/grant.h"
#include "ground/clock.h"
#include "producer.h"

#include <string.h>

#define TYPE_ACCESS  "urn:ietf:params:oauth:token-type:access_token"
#define TYPE_REFRESH "urn:ietf:params:oauth:token-type:refresh_token"
#define TYPE_JWT     "urn:ietf:params:oauth:token-type:jwt"

enum { TOKEN_ROLES_MAX = 6144 };

struct token_call {
	struct record_call call; /* first */
	struct form form;
	struct oauth_client client;
	struct grant grant;
	struct refresh_use use;
	struct audit_actor by;
	const char *action; /* as the audit calls it */
	enum refresh_outcome outcome;
	bool is_answered;
};

static struct token_call *of(const struct record_batch *batch)
{
	return (struct token_call *)(void *)record_call_of(batch);
}

static void clear(struct record_call *call)
{
	struct token_call *t = (struct token_call *)(void *)call;

	form_clear(&t->form);
	grant_clear(&t->grant);
	digest_wipe(&t->client, sizeof t->client);
}

/* ---- refresh tokens in the record ---- */

static void begun(
	void *ctx, enum err e, enum refresh_outcome outcome, const struct refresh_family *family)
{
	record_batch_end(ctx, e);
}

static enum err begin_run(struct db *db, struct record_batch *batch)
{
	struct token_call *t = of(batch);
	const struct grant *g = &t->grant;
	const struct request *r = t->call.r;
	struct refresh_family family = {.tenant = g->tenant,
		.family = g->family,
		.principal = g->sub,
		.key = g->key,
		.issuer = g->issuer,
		.source = g->sources[0],
		.since_ms = g->since_ms,
		.scope = g->is_narrowed ? g->scope : NULL,
		.life_s = r->producer->config->identity.refresh_ttl_s};
	struct buf roles;
	uint8_t hash[DIGEST_SIZE];
	enum err e = ERR_OK;

	buf_init(&roles, TOKEN_ROLES_MAX);
	if (g->roles)
		e = json_write(g->roles, &roles);
	family.roles = roles.len ? roles.bytes : "";
	memcpy(family.address, g->address, sizeof family.address);
	refresh_token_hash(g->refresh, hash);
	if (!e)
		e = refresh_begin(db, &family, hash, &t->by, begun, batch);
	buf_clear(&roles);
	return e;
}

/* The grant is filled while the reply lives. */
static void used(
	void *ctx, enum err e, enum refresh_outcome outcome, const struct refresh_family *family)
{
	struct record_batch *batch = ctx;
	struct token_call *t = of(batch);

	t->outcome = outcome;
	if (!e && family)
		t->is_answered = !grant_from_family(
			t->call.r, family, form_text(&t->form, "scope"), &t->grant);
	record_batch_end(batch, e);
}

static enum err use_run(struct db *db, struct record_batch *batch)
{
	return refresh_use(db, &of(batch)->use, used, batch);
}

const struct record_op refresh_begin_op = {"refresh_begin", RECORD_SECURITY, 1, begin_run, NULL};
const struct record_op refresh_use_op = {"refresh_use", RECORD_SECURITY, 1, use_run, NULL};

/* ---- the end of each way ---- */

static void failed(struct record_call *call)
{
	oauth_fail(call->r, OAUTH_UNAVAILABLE, "the record does not answer right now");
	request_resume(call->r);
}

static void noted(void *owner, enum err e)
{
	struct token_call *t = owner;

	if (e) {
		failed(&t->call);
		return;
	}
	grant_answer(t->call.r, &t->grant);
	request_resume(t->call.r);
}

/* The audit names each token, and by what it was had: from what a token did, a way leads back. */
static void give(struct record_call *call)
{
	struct token_call *t = (struct token_call *)(void *)call;

	reading_note_as(call->r->producer,
		&(struct audit_read){.tenant = t->grant.tenant,
			.by = t->by,
			.action = t->action,
			.object = t->grant.jti},
		noted, t);
}

/* The request is parked. */
static void give_or_begin(struct token_call *t)
{
	if (!t->grant.is_offline) {
		give(&t->call);
		return;
	}
	t->grant.family = id_new(0);
	refresh_token_new(t->grant.tenant, t->grant.refresh);
	t->call.then = give;
	t->call.failed = failed;
	record_call_again(&t->call, &refresh_begin_op);
}

/* ---- client_credentials ---- */

static void client_told(struct request *r)
{
	struct token_call *t = r->work;

	if (!oauth_client_stands(r, &t->client) ||
		!grant_from_caller(r, &r->caller, form_text(&t->form, "scope"), &t->grant)) {
		request_resume(r);
		return;
	}
	t->by = actor_of(r, &r->caller);
	t->action = "token.give";
	t->grant.key = r->caller.credential;
	give_or_begin(t);
}

static void client_begin(struct token_call *t)
{
	struct request *r = t->call.r;

	if (!oauth_client_read(r, &t->form, &t->client)) {
		oauth_fail(r, OAUTH_INVALID_CLIENT, "an API key is needed, in one place");
		request_resume(r);
		return;
	}
	keys_find(r, t->client.secret, strlen(t->client.secret), client_told);
}

/* ---- refresh_token ---- */

/* That by which the family was had, or to whom it was given, may be revoked meanwhile. */
static bool family_stands(const struct token_call *t)
{
	const struct grant *g = &t->grant;
	struct caller c = {.tenant = g->tenant,
		.credential = g->family,
		.key = g->key,
		.issued_ms = g->since_ms,
		.has_origin = true};

	memcpy(c.origin, g->address, sizeof c.origin);
	memcpy(c.sources, g->sources, sizeof c.sources);
	if (!id_parse("key", g->sub, &c.principal))
		(void)id_parse("usr", g->sub, &c.principal);
	return authority_judge(t->call.r->producer->authority, &c, AUTHORITY_CHANGE_MS) == ERR_OK;
}

static void refresh_told(struct record_call *call)
{
	struct token_call *t = (struct token_call *)(void *)call;

	if (t->outcome != REFRESH_OK || (!t->is_answered && !family_stands(t)))
		oauth_fail(
			call->r, OAUTH_INVALID_GRANT, "the refresh token is not good any longer");
	else if (!t->is_answered)
		grant_answer(call->r, &t->grant);
	if (t->outcome == REFRESH_REUSED)
		authority_look(call->r->producer->authority);
	request_resume(call->r);
}

static void refresh_start(struct token_call *t)
{
	struct request *r = t->call.r;
	const char *text = form_text(&t->form, "refresh_token");

	if (!text) {
		oauth_fail(r, OAUTH_INVALID_REQUEST, "refresh_token is needed");
		request_resume(r);
		return;
	}
	if (!refresh_token_read(text, &t->use.tenant)) {
		oauth_fail(r, OAUTH_INVALID_GRANT, "the refresh token is not good any longer");
		request_resume(r);
		return;
	}
	refresh_token_hash(text, t->use.hash);
	refresh_token_new(t->use.tenant, t->grant.refresh);
	refresh_token_hash(t->grant.refresh, t->use.next);
	t->use.access = t->grant.jti;
	t->use.by = actor_of(r, &(struct caller){.kind = CALLER_TOKEN});
	t->use.listed = !authority_room(r->producer->authority, REVOCATION_TOKENS, t->use.tenant);
	t->call.then = refresh_told;
	t->call.failed = failed;
	record_call_again(&t->call, &refresh_use_op);
}

/* ---- token exchange ---- */

static bool is_token_type(const char *type)
{
	return type && (strcmp(type, TYPE_JWT) == 0 || strcmp(type, TYPE_ACCESS) == 0);
}

/* What it was exchanged from, and itself. False: handed on too often. */
static bool sources_take(struct grant *g, const struct caller *caller)
{
	size_t n = 0;

	memcpy(g->sources, caller->sources, sizeof g->sources);
	while (n < TOKEN_SOURCES_MAX && !id_is_zero(g->sources[n]))
		n++;
	if (n < TOKEN_SOURCES_MAX)
		g->sources[n] = caller->credential;
	return n < TOKEN_SOURCES_MAX;
}

static void exchange_take(struct token_call *t, const struct caller *caller, struct id issuer)
{
	struct request *r = t->call.r;
	const char *wanted = form_text(&t->form, "requested_token_type");
	enum err e = authority_judge(r->producer->authority, caller, AUTHORITY_CHANGE_MS);

	if (e) {
		oauth_fail(r, e == ERR_UNAUTHORIZED ? OAUTH_INVALID_GRANT : OAUTH_UNAVAILABLE,
			fault_text(FAULT_REVOKED));
	} else if (!sources_take(&t->grant, caller)) {
		oauth_fail(
			r, OAUTH_INVALID_GRANT, "it was exchanged too often: exchange the first");
	} else if (grant_from_caller(r, caller, form_text(&t->form, "scope"), &t->grant)) {
		t->by = actor_of(r, caller);
		t->action = "token.exchange";
		t->grant.key = caller->key;
		t->grant.issuer = caller->issuer;
		t->grant.family = id_is_zero(caller->family) ? caller->credential : caller->family;
		t->grant.issued_type = TYPE_ACCESS;
		t->grant.is_offline |= wanted && strcmp(wanted, TYPE_REFRESH) == 0;
		/* minutes must not become a month */
		if (!t->grant.is_offline || !id_is_zero(issuer)) {
			give_or_begin(t);
			return;
		}
		oauth_fail(r, OAUTH_INVALID_SCOPE, "a token of ours buys no refresh token");
	}
	request_resume(r);
}

static void exchange_check(struct request *r)
{
	struct token_call *t = r->work;
	const char *text = form_text(&t->form, "subject_token");
	struct caller caller = {0};
	struct id issuer;
	enum fault fault = FAULT_UNPROVED;

	if (!unproved_begin(r->producer->unproved, r)) {
		fault = token_check(r->producer, text, strlen(text), &caller, &issuer);
		if (fault == FAULT_UNPROVED &&
			unproved_wait(r->producer->unproved, r, issuer, false, exchange_check))
			return;
	}
	if (fault) {
		oauth_fail(r, fault == FAULT_NOMEM ? OAUTH_UNAVAILABLE : OAUTH_INVALID_GRANT,
			fault_text(fault));
		request_resume(r);
		return;
	}
	memcpy(caller.address, r->address, sizeof caller.address);
	exchange_take(t, &caller, issuer);
	caller_clear(&caller);
}

static void exchange_begin(struct token_call *t)
{
	struct request *r = t->call.r;

	if (is_token_type(form_text(&t->form, "subject_token_type")) &&
		form_text(&t->form, "subject_token") && !form_text(&t->form, "actor_token")) {
		exchange_check(r);
		return;
	}
	oauth_fail(r, OAUTH_INVALID_REQUEST,
		"subject_token and its type (jwt or access_token) are needed, no actor_token");
	request_resume(r);
}

/* ---- the call ---- */

static const struct {
	const char *type;
	void (*begin)(struct token_call *t); /* parked; ends in request_resume */
} grants[] = {{"client_credentials", client_begin}, {"refresh_token", refresh_start},
	{"urn:ietf:params:oauth:grant-type:token-exchange", exchange_begin}};

void token_call(struct request *r)
{
	struct token_call *t = record_call_new(r, sizeof *t);
	const char *type;

	if (!t)
		return;
	t->call.clear = clear;
	t->grant.jti = id_new(0);
	if (!oauth_is_form(r) ||
		form_read(r->body.bytes ? r->body.bytes : "", r->body.len, &t->form)) {
		oauth_fail(r, OAUTH_INVALID_REQUEST, "a form is needed, each name once");
		return;
	}
	type = form_text(&t->form, "grant_type");
	for (size_t i = 0; type && i < sizeof grants / sizeof *grants; i++)
		if (strcmp(grants[i].type, type) == 0) {
			request_park(r);
			grants[i].begin(t);
			return;
		}
	oauth_fail(r, type ? OAUTH_UNSUPPORTED_GRANT : OAUTH_INVALID_REQUEST,
		"grant_type must be client_credentials, refresh_token or token exchange");
}
