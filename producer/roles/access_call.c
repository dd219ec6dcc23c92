#include "roles/access_call.h"

#include "access/holders.h"
#include "producer.h"
#include "request_input.h"
#include "stores/tenant.h"

#include <stdio.h>
#include <string.h>

struct access_call *access_call_of(const struct record_batch *batch)
{
	return (struct access_call *)(void *)record_call_of(batch);
}

static bool is_operators(const struct access_call *a)
{
	return a->call.r->match.route->access == ROUTE_OPERATOR;
}

/* ---- for the calls ---- */

size_t access_texts(const json_t *list, const char **ret_texts, size_t max)
{
	size_t n = json_array_size(list);

	for (size_t i = 0; i < n && i < max; i++) {
		const char *text = json_string_value(json_array_get(list, i));

		ret_texts[i] = text ? text : "";
	}
	return n < max ? n : max;
}

static size_t held_split(
	const char *held, char copy[ACCESS_HELD_MAX], const char *roles[ROLES_HELD_MAX])
{
	char *rest = NULL;
	size_t n = 0;

	(void)snprintf(copy, ACCESS_HELD_MAX, "%s", held);
	for (char *role = strtok_r(copy, " ", &rest); role && n < ROLES_HELD_MAX;
		role = strtok_r(NULL, " ", &rest))
		roles[n++] = role;
	return n;
}

/* Does the caller have all of it? */
static enum err may_hand(struct access_call *a, const struct rights *rights)
{
	if (is_operators(a) || authorise_may_hand(&a->call.r->caller, rights))
		return ERR_OK;
	(void)snprintf(
		a->why, sizeof a->why, "nobody gives or takes more than they may do themselves");
	return ERR_FORBIDDEN;
}

enum err access_none(struct access_call *a, const char *what, const char *name)
{
	(void)snprintf(a->why, sizeof a->why, "there is no %s called %s", what, name);
	return ERR_NOT_FOUND;
}

enum err access_checked(enum err e)
{
	return e == ERR_CONFLICT || e == ERR_NOT_FOUND ? ERR_INVALID_FIELD : e;
}

enum err access_may_give(struct access_call *a, const char *const *roles, size_t n)
{
	struct rights *rights;
	enum err e;

	e = access_checked(role_book_check_set(a->book, NULL, roles, n, a->why));
	if (!e)
		e = rights_flatten(a->book, roles, n, &rights);
	if (e)
		return e;
	if (rights_are_operators(rights)) {
		e = ERR_INVALID_FIELD;
		(void)snprintf(a->why, sizeof a->why, "a tenant's user holds no operator's role");
	} else {
		e = may_hand(a, rights);
	}
	rights_release(rights);
	return e;
}

/* Leaves out operators' roles, which allow a tenant's people nothing. */
static size_t tenants_only(const struct access_call *a, const char **roles, size_t n)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (!(access_set(a, &roles[i], 1) & permission_operators()))
			roles[kept++] = roles[i];
	return kept;
}

/* What they cannot hold together may well be taken away. */
enum err access_may_take(struct access_call *a, const char *held)
{
	char copy[ACCESS_HELD_MAX];
	const char *roles[ROLES_HELD_MAX];
	struct rights *rights;
	size_t n = tenants_only(a, roles, held_split(held, copy, roles));
	enum err e = rights_flatten(a->book, roles, n, &rights);

	if (e)
		return e;
	e = may_hand(a, rights);
	rights_release(rights);
	return e;
}

permission_set access_set(const struct access_call *a, const char *const *roles, size_t n)
{
	return rights_set_of(a->book, roles, n);
}

permission_set access_held_set(const struct access_call *a, const char *held)
{
	char copy[ACCESS_HELD_MAX];
	const char *roles[ROLES_HELD_MAX];

	return access_set(a, roles, held_split(held, copy, roles));
}

void access_permissions_put(struct buf *out, permission_set set)
{
	const char *comma = "";

	(void)buf_char(out, '[');
	for (enum permission p = 0; p < PERMISSIONS; p++)
		if (set & permission_bit(p)) {
			(void)buf_printf(out, "%s\"%s\"", comma, permission_text(p));
			comma = ",";
		}
	(void)buf_char(out, ']');
}

void access_roles_put(struct buf *out, const char *roles)
{
	const char *comma = "";

	(void)buf_text(out, ",\"roles\":[");
	while (roles && *roles) {
		size_t n = strcspn(roles, " ");

		(void)buf_printf(out, "%s\"%.*s\"", comma, (int)n, roles);
		comma = ",";
		roles += n + (roles[n] == ' ');
	}
	(void)buf_char(out, ']');
}

/* ---- operations ---- */

static void tenant_told(void *ctx, enum err e, const struct tenant *tenants, size_t n)
{
	struct record_batch *batch = ctx;
	struct access_call *a = access_call_of(batch);

	if (!e && n == 0)
		e = access_none(a, "tenant", a->tenant_name);
	if (!e)
		a->tenant = tenants[0].id;
	record_batch_end(batch, e);
}

static enum err tenant_run(struct db *db, struct record_batch *batch)
{
	return tenant_find(db, access_call_of(batch)->tenant_name, tenant_told, batch);
}

static void loaded(void *ctx, enum err e, const struct access_told *told)
{
	struct record_batch *batch = ctx;
	struct access_call *a = access_call_of(batch);

	if (!e) {
		role_book_free(a->book);
		a->book = told->book;
		a->version = told->version;
	}
	record_batch_end(batch, e);
}

static enum err load_run(struct db *db, struct record_batch *batch)
{
	const struct access_call *a = access_call_of(batch);

	return access_load(db, a->tenant, (struct id){{0}}, loaded, batch);
}

/* One held set, as it would be after the change. A role that is gone is none of its concern. */
static enum err set_check(struct access_call *a, const char *set)
{
	const char *changed = a->set_from ? a->set_to : a->name;
	char copy[ACCESS_HELD_MAX];
	const char *roles[ROLES_HELD_MAX];
	size_t n = held_split(set, copy, roles);
	enum err e;

	for (size_t i = 0; i < n; i++)
		if (a->set_from && strcmp(roles[i], a->set_from) == 0)
			roles[i] = a->set_to;
	e = role_book_check_set(a->book, changed, roles, n, a->why);
	return e == ERR_NOT_FOUND ? ERR_OK : access_checked(e);
}

static void sets_told(void *ctx, enum err e, const char *const *sets, size_t n)
{
	struct record_batch *batch = ctx;
	struct access_call *a = access_call_of(batch);

	for (size_t i = 0; !e && i < n; i++)
		e = set_check(a, sets[i]);
	if (!e && n == ACCESS_SETS_MAX) {
		e = ERR_INVALID_FIELD;
		(void)snprintf(a->why, sizeof a->why, "too many different sets of roles are held");
	}
	record_batch_end(batch, e);
}

static enum err sets_run(struct db *db, struct record_batch *batch)
{
	return access_sets(db, access_call_of(batch)->tenant, sets_told, batch);
}

const struct record_op access_tenant_op = {"access_tenant", RECORD_SECURITY, 1, tenant_run, NULL};
const struct record_op access_load_op = {"access_load", RECORD_SECURITY, 1, load_run, NULL};
const struct record_op access_sets_op = {"access_sets", RECORD_SECURITY, 1, sets_run, NULL};

/* ---- the walk ---- */

static void step(struct access_call *a, const struct record_op *op);

static void fail(struct access_call *a, enum err e)
{
	if (e == ERR_DB_DATA)
		e = ERR_INVALID_FIELD;
	if (a->why[0])
		request_fail_detail(a->call.r, e, a->why);
	else
		request_fail(a->call.r, e);
	request_resume(a->call.r);
}

static void end(struct access_call *a)
{
	if (strcmp(a->call.r->match.route->method, "GET") != 0)
		holders_forget(a->call.r->producer->holders, a->tenant);
	request_resume(a->call.r);
}

static void write_or_end(struct access_call *a)
{
	if (a->kind->op)
		step(a, a->kind->op);
	else
		request_resume(a->call.r);
}

static void judge(struct access_call *a)
{
	enum err e = a->kind->judge ? a->kind->judge(a) : ERR_OK;

	if (e)
		fail(a, e);
	else if (a->kind->sets)
		step(a, &access_sets_op);
	else
		write_or_end(a);
}

static void op_done(struct access_call *a, enum err e)
{
	if (e == ERR_CONFLICT && a->tries++ < ACCESS_TRIES)
		step(a, &access_load_op);
	else if (e)
		fail(a, e);
	else if (a->kind->more && a->kind->more(a))
		step(a, a->kind->op);
	else
		end(a);
}

static void step_done(struct record_item *item, enum err e)
{
	struct access_call *a = (struct access_call *)(void *)item;

	if (item->op == a->kind->op)
		op_done(a, e);
	else if (e)
		fail(a, e);
	else if (item->op == &access_tenant_op)
		step(a, &access_load_op);
	else if (item->op == &access_load_op)
		judge(a);
	else
		write_or_end(a);
}

static void step(struct access_call *a, const struct record_op *op)
{
	enum err e;

	memset(&a->call.item, 0, sizeof a->call.item);
	a->call.item.op = op;
	a->call.item.done = step_done;
	a->call.item.owner = a->call.r->producer;
	e = record_add_for(a->call.r, &a->call.item);
	if (e)
		fail(a, e);
}

static void clear(struct record_call *call)
{
	struct access_call *a = (struct access_call *)(void *)call;

	json_decref(a->body);
	role_book_free(a->book);
	caller_clear(&a->asked);
}

void access_call_start(
	struct request *r, const struct access_kind *kind, json_t *body, bool is_named)
{
	struct access_call *a = record_call_new(r, sizeof *a);
	size_t named = 0;

	if (!a) {
		json_decref(body);
		return;
	}
	a->call.clear = clear;
	a->kind = kind;
	a->by = record_call_actor(&a->call);
	a->body = body;
	a->tenant = r->caller.tenant;
	a->dry_run = request_input_is_dry(r);
	if (is_operators(a))
		(void)snprintf(
			a->tenant_name, sizeof a->tenant_name, "%s", r->match.params[named++]);
	if (is_named)
		(void)snprintf(a->name, sizeof a->name, "%s", r->match.params[named]);
	a->limit = (size_t)query_int(&r->query, "limit", 100);
	request_park(r);
	step(a, is_operators(a) ? &access_tenant_op : &access_load_op);
}
