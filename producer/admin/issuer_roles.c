#include "admin/issuer_roles.h"

#include "access/authorise.h"
#include "domain/rights.h"
#include "stores/access.h"

#include <stdio.h>

static void refuse(struct tenant_call *t, enum err e, const char *why)
{
	t->refusal = e;
	(void)snprintf(t->why, sizeof t->why, "%s", why);
}

static void rights_judge(struct tenant_call *t, const struct rights *rights)
{
	if (rights_are_operators(rights))
		refuse(t, ERR_INVALID_FIELD, "a tenant's people hold no operator's role");
	else if (!id_is_zero(t->of) && !authorise_may_hand(&t->call.r->caller, rights))
		refuse(t, ERR_FORBIDDEN,
			"nobody has an issuer give more than they may do themselves");
}

static enum err role_judge(struct tenant_call *t, const struct role_book *book, const char *role)
{
	struct rights *rights;
	enum err e;

	if (!id_is_zero(t->of) && !role_book_has(book, role)) {
		refuse(t, ERR_INVALID_FIELD, "must map to roles that are there");
		return ERR_OK;
	}
	e = rights_flatten(book, &role, 1, &rights);
	if (e)
		return e;
	rights_judge(t, rights);
	rights_release(rights);
	return ERR_OK;
}

enum err issuer_roles_judge(struct tenant_call *t, const struct role_book *book)
{
	json_t *value, *roles = json_object_get(t->body, "roles");
	const char *name;
	enum err e = ERR_OK;

	json_object_foreach(roles, name, value) if (!e && !t->refusal) e =
		role_judge(t, book, json_string_value(value));
	return e;
}

static void told(void *ctx, enum err e, const struct access_told *told)
{
	struct record_batch *batch = ctx;

	if (!e) {
		e = issuer_roles_judge(tenant_call_of(batch), told->book);
		role_book_free(told->book);
	}
	record_batch_end(batch, e);
}

static enum err run(struct db *db, struct record_batch *batch)
{
	return access_load(db, tenant_call_of(batch)->tenant, (struct id){{0}}, told, batch);
}

const struct record_op issuer_roles_op = {"issuer_roles", RECORD_SLOW, 1, run, NULL};
