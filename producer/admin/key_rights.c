#include "admin/key_rights.h"

#include "domain/rights.h"
#include "stores/access.h"
#include "stores/app_user.h"

#include <stdio.h>
#include <string.h>

/* ---- the judgement ---- */

struct held {
	char copy[sizeof((struct tenant_call *)NULL)->roles];
	const char *roles[ROLES_HELD_MAX];
	size_t n;
};

static void own_roles(const struct tenant_call *t, struct held *h)
{
	char *rest = NULL;

	(void)snprintf(h->copy, sizeof h->copy, "%s", t->roles[0] ? t->roles : KEY_ROLES_USUAL);
	for (char *role = strtok_r(h->copy, " ", &rest); role && h->n < ROLES_HELD_MAX;
		role = strtok_r(NULL, " ", &rest))
		h->roles[h->n++] = role;
}

static void refuse(struct tenant_call *t, enum err e, const char *why)
{
	t->refusal = e;
	(void)snprintf(t->why, sizeof t->why, "%s", why);
}

struct scopes {
	const struct caller *caller;
	bool within;
};

static void scope_judge(void *ctx, const char *word, size_t len)
{
	struct scopes *s = ctx;
	char text[TENANT_SCOPES_MAX];

	(void)snprintf(text, sizeof text, "%.*s", (int)len, word);
	s->within = s->within && caller_scope_allows(s->caller, text);
}

static bool scopes_within(const struct tenant_call *t)
{
	struct scopes s = {&t->call.r->caller, true};

	if (!s.caller->words || !s.caller->words->is_narrowed)
		return true;
	claims_words(t->scopes, scope_judge, &s);
	return t->has_scopes && s.within;
}

static void giving_judge(struct tenant_call *t, const struct rights *rights)
{
	if (id_is_zero(t->of))
		return;
	if (!rights_cover(t->call.r->caller.rights, rights))
		refuse(t, ERR_FORBIDDEN, "nobody gives a key more than they may do themselves");
	else if (!scopes_within(t))
		refuse(t, ERR_FORBIDDEN,
			"who comes with scopes gives a key some of these, and no others");
}

static enum err set_judge(
	struct tenant_call *t, const struct access_told *told, struct rights **ret)
{
	struct held h = {.n = 0};
	enum err e;

	if (!id_is_zero(t->holder))
		return rights_flatten(told->book, told->roles, told->roles_n, ret);
	own_roles(t, &h);
	e = role_book_check_set(told->book, NULL, h.roles, h.n, t->why);
	if (e == ERR_NOMEM)
		return e;
	if (e) {
		t->refusal = ERR_INVALID_FIELD;
		return ERR_OK;
	}
	return rights_flatten(told->book, h.roles, h.n, ret);
}

static enum err judge(struct tenant_call *t, const struct access_told *told)
{
	struct rights *rights = NULL;
	enum err e = set_judge(t, told, &rights);

	if (e || !rights)
		return e;
	if (!id_is_zero(t->tenant) && (rights_set(rights) & permission_operators()))
		refuse(t, ERR_INVALID_FIELD, "a tenant's key holds no operator's role");
	else
		giving_judge(t, rights);
	rights_release(rights);
	return ERR_OK;
}

/* ---- the roles, and before them the user by its name ---- */

static void roles_told(void *ctx, enum err e, const struct access_told *told)
{
	struct record_batch *batch = ctx;

	if (!e) {
		e = judge(tenant_call_of(batch), told);
		role_book_free(told->book);
	}
	record_batch_end(batch, e);
}

static enum err roles_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);

	return access_load(db, t->tenant, t->holder, roles_told, batch);
}

static void user_told(void *ctx, enum err e, const struct app_user *users, size_t n)
{
	struct record_batch *batch = ctx;

	if (!e && n == 0)
		e = ERR_NOT_FOUND;
	if (!e)
		tenant_call_of(batch)->holder = users->id;
	record_batch_end(batch, e);
}

static enum err user_run(struct db *db, struct record_batch *batch)
{
	const struct tenant_call *t = tenant_call_of(batch);

	return app_user_find(db, t->tenant, t->user, user_told, batch);
}

const struct record_op api_key_user_op = {"api_key_user", RECORD_SECURITY, 1, user_run, NULL};
const struct record_op api_key_roles_op = {"api_key_roles", RECORD_SECURITY, 1, roles_run, NULL};

/* ---- the walk ---- */

static void user_found(struct record_call *call)
{
	call->then = ((struct tenant_call *)(void *)call)->judged;
	record_call_again(call, &api_key_roles_op);
}

void key_rights_check(struct tenant_call *t, void (*then)(struct record_call *call))
{
	t->judged = then;
	if (t->user[0] && id_is_zero(t->holder)) {
		t->call.then = user_found;
		t->call.missing = "no user of this tenant is called so";
		record_call_again(&t->call, &api_key_user_op);
	} else {
		user_found(&t->call);
	}
}

bool key_rights_refused(struct tenant_call *t)
{
	if (!t->refusal)
		return false;
	request_fail_detail(t->call.r, t->refusal, t->why);
	request_resume(t->call.r);
	return true;
}
