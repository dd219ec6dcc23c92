#include "auth/revoke_call.h"

#include "access/actor.h"
#include "access/authority.h"
#include "access/token_check.h"
#include "access/unproved.h"
#include "auth/oauth.h"
#include "identity/refresh_token.h"
#include "producer.h"
#include "stores/refresh.h"
#include "stores/revocation.h"

#include <string.h>

struct revoke_call {
	struct record_call call; /* first */
	struct form form;
	struct revocation_entry entry;
	struct audit_actor by;
	struct refresh_use use; /* a refresh token's end */
	enum refresh_outcome outcome;
};

static struct revoke_call *of(const struct record_batch *batch)
{
	return (struct revoke_call *)(void *)record_call_of(batch);
}

static void clear(struct record_call *call)
{
	form_clear(&((struct revoke_call *)(void *)call)->form);
}

static void put(void *ctx, enum err e, const struct revocation_entry *entries, size_t n)
{
	record_batch_end(ctx, e);
}

static enum err put_run(struct db *db, struct record_batch *batch)
{
	struct revoke_call *v = of(batch);

	return revocation_put(db, AUDIT_SYSTEM_TENANT, &v->entry, &v->by, put, batch);
}

static void ended(
	void *ctx, enum err e, enum refresh_outcome outcome, const struct refresh_family *family)
{
	of(ctx)->outcome = outcome;
	record_batch_end(ctx, e);
}

static enum err end_run(struct db *db, struct record_batch *batch)
{
	struct revoke_call *v = of(batch);

	return refresh_end(db, &v->use, ended, batch);
}

const struct record_op revoke_token_op = {"revoke_token", RECORD_SECURITY, 1, put_run, NULL};
const struct record_op refresh_end_op = {"refresh_end", RECORD_SECURITY, 1, end_run, NULL};

/* ---- the call ---- */

static void done(struct record_call *call)
{
	authority_look(call->r->producer->authority);
	(void)oauth_reply(call->r);
	request_resume(call->r);
}

/* A family ends in any case: that is no entry of the list, as its access tokens would be. */
static void end_done(struct record_call *call)
{
	const struct revoke_call *v = (struct revoke_call *)(void *)call;

	authority_look(call->r->producer->authority);
	if (v->use.listed || v->outcome != REFRESH_OK)
		(void)oauth_reply(call->r);
	else
		oauth_fail(call->r, OAUTH_REVOCATIONS_FULL,
			"the family has ended, and its access tokens run out by themselves, as the "
			"list of revoked tokens is full: revoke the user or the tenant to end them "
			"now");
	request_resume(call->r);
}

static void failed(struct record_call *call)
{
	oauth_fail(call->r, OAUTH_UNAVAILABLE, "the record does not answer right now");
	request_resume(call->r);
}

/* Ended already, wherever it is shown from: every change of the list is read by all, so nobody
 * makes the same one over and over. */
static bool is_over(const struct request *r, const struct caller *caller)
{
	struct authority *a = r->producer->authority;

	return authority_judge(a, caller, authority_away_ms(a)) == ERR_UNAUTHORIZED;
}

/* Of a good token; true: its entry is being made, and answers. */
static bool access_end(struct revoke_call *v, const struct caller *caller)
{
	struct request *r = v->call.r;
	const enum err room =
		authority_room(r->producer->authority, REVOCATION_TOKENS, caller->tenant);

	if (is_over(r, caller)) {
		(void)oauth_reply(r);
	} else if (room == ERR_REVOCATIONS_FULL) {
		oauth_fail(r, OAUTH_REVOCATIONS_FULL, authority_full_why(REVOCATION_TOKENS));
	} else if (room) {
		oauth_fail(r, OAUTH_UNAVAILABLE, "no token can be revoked right now");
	} else {
		v->by = actor_of(r, caller);
		v->entry.subject_type = TOKEN_JTI;
		v->entry.r = (struct revocation){.kind = REVOCATION_CREDENTIAL,
			.tenant = caller->tenant,
			.subject = caller->credential,
			.ends_ms = caller->expires_ms};
		v->call.then = done;
		v->call.failed = failed;
		record_call_again(&v->call, &revoke_token_op);
		return true;
	}
	return false;
}

/* The request is parked. What is no token of anybody's is as good as revoked: 200, and nothing is
 * learnt, not by when it comes either. */
static void access_revoke(struct request *r)
{
	struct revoke_call *v = r->work;
	const char *text = form_text(&v->form, "token");
	struct caller caller = {0};
	enum fault fault = FAULT_UNPROVED;
	struct id issuer;
	bool goes_on = false;

	if (!unproved_begin(r->producer->unproved, r)) {
		fault = token_check(r->producer, text, strlen(text), &caller, &issuer);
		if (fault == FAULT_UNPROVED &&
			unproved_wait(r->producer->unproved, r, issuer, false, access_revoke))
			return;
	}
	if (fault == FAULT_NOMEM)
		oauth_fail(r, OAUTH_UNAVAILABLE, "no token can be revoked right now");
	else if (fault)
		(void)oauth_reply(r);
	else
		goes_on = access_end(v, &caller);
	caller_clear(&caller);
	if (!goes_on)
		request_resume(r);
}

static void family_end(struct revoke_call *v, const char *text)
{
	refresh_token_hash(text, v->use.hash);
	v->use.by = v->by;
	v->use.listed =
		!authority_room(v->call.r->producer->authority, REVOCATION_TOKENS, v->use.tenant);
	v->call.then = end_done;
	v->call.failed = failed;
	record_call_start(&v->call, &refresh_end_op);
}

void revoke_call(struct request *r)
{
	struct revoke_call *v = record_call_new(r, sizeof *v);
	const char *text;

	if (!v)
		return;
	v->call.clear = clear;
	v->by = actor_of(r, &(struct caller){.kind = CALLER_TOKEN});
	if (!oauth_is_form(r) ||
		form_read(r->body.bytes ? r->body.bytes : "", r->body.len, &v->form) ||
		!(text = form_text(&v->form, "token"))) {
		oauth_fail(r, OAUTH_INVALID_REQUEST, "a form with a token is needed");
		return;
	}
	if (refresh_token_read(text, &v->use.tenant)) {
		family_end(v, text);
		return;
	}
	request_park(r);
	access_revoke(r);
}
