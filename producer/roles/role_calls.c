#include "roles/role_calls.h"

#include "list_reply.h"
#include "request_input.h"
#include "roles/access_call.h"
#include "stores/role.h"

#include <stdio.h>
#include <string.h>

/* ---- seeing ---- */

static void texts_put(struct buf *out, const struct role_book *book, const struct role_view *role,
	const char *(*text)(const struct role_book *, const char *, size_t))
{
	size_t n = text == role_book_parent ? role->parents_n : role->rules_n;

	(void)buf_char(out, '[');
	for (size_t i = 0; i < n; i++) {
		const char *line = text(book, role->name, i);

		if (i)
			(void)buf_char(out, ',');
		(void)buf_json(out, line, strlen(line));
	}
	(void)buf_char(out, ']');
}

static void role_write(struct buf *out, const struct role_book *book, const struct role_view *role)
{
	(void)buf_printf(out,
		"{\"object\":\"role\",\"name\":\"%s\",\"built_in\":%s,\"parents\":", role->name,
		role->built_in ? "true" : "false");
	texts_put(out, book, role, role_book_parent);
	(void)buf_text(out, ",\"rules\":");
	texts_put(out, book, role, role_book_rule);
	(void)buf_text(out, ",\"may_allow\":");
	access_permissions_put(out, rights_set_of(book, &role->name, 1));
	(void)buf_char(out, '}');
}

static enum err list_judge(struct access_call *a)
{
	struct list_reply list = list_reply_begin(&a->call.r->reply);

	for (size_t i = 0; i < role_book_n(a->book); i++) {
		struct role_view role = role_book_at(a->book, i);

		if (role_book_has(a->book, role.name))
			role_write(list_reply_element(&list), a->book, &role);
	}
	list_reply_end(&list, false, NULL);
	return ERR_OK;
}

static enum err get_judge(struct access_call *a)
{
	struct role_view role;

	if (!role_book_view(a->book, a->name, &role))
		return access_none(a, "role", a->name);
	role_write(reply_json(&a->call.r->reply, 200), a->book, &role);
	return ERR_OK;
}

static const struct query_field no_fields[] = {{NULL, QUERY_TEXT, 0, 0}};

void roles_get(struct request *r)
{
	static const struct access_kind kind = {list_judge, false, NULL, NULL};

	if (request_input_query(r, no_fields))
		access_call_start(r, &kind, NULL, false);
}

void role_get(struct request *r)
{
	static const struct access_kind kind = {get_judge, false, NULL, NULL};

	if (request_input_query(r, no_fields))
		access_call_start(r, &kind, NULL, true);
}

/* ---- writing ---- */

static permission_set held_set(struct access_call *a)
{
	const char *name = a->name;

	return access_set(a, &name, 1);
}

static enum err own_check(struct access_call *a)
{
	struct role_view role;

	if (!role_name_is_right(a->name)) {
		(void)snprintf(a->why, sizeof a->why,
			"a role's name must be 1 to 64 of a-z, 0-9, - _ and ., a letter or digit first");
		return ERR_INVALID_FIELD;
	}
	if (role_book_view(a->book, a->name, &role) && role.built_in) {
		(void)snprintf(
			a->why, sizeof a->why, "a built-in role is not changed: build upon it");
		return ERR_FORBIDDEN;
	}
	return ERR_OK;
}

static bool is_operators_rule(const struct role_book *book, const char *role, size_t i)
{
	struct rule rule;
	const char *why;
	bool is = rule_read(role_book_rule(book, role, i), &rule, &why) == ERR_OK;

	if (is) {
		is = (rule.permissions & permission_operators()) != 0;
		rule_clear(&rule);
	}
	return is;
}

/* The role as the body has it, in the place of what stands in the book. */
static enum err book_change(struct access_call *a)
{
	const char *rules[ROLE_RULES_MAX], *parents[ROLE_PARENTS_MAX], *why = NULL;
	size_t rules_n = access_texts(json_object_get(a->body, "rules"), rules, ROLE_RULES_MAX);
	size_t parents_n =
		access_texts(json_object_get(a->body, "parents"), parents, ROLE_PARENTS_MAX);
	enum err e = role_book_add(a->book, a->name);

	role_book_empty(a->book, a->name);
	for (size_t i = 0; !e && i < parents_n; i++)
		e = role_book_parent_add(a->book, a->name, parents[i]);
	for (size_t i = 0; !e && i < rules_n; i++) {
		e = role_book_rule_add(a->book, a->name, rules[i], &why);
		if (!e && is_operators_rule(a->book, a->name, i)) {
			e = ERR_INVALID_FIELD;
			why = "is the installation's to allow, not a tenant's";
		}
		if (e == ERR_INVALID_FIELD)
			(void)snprintf(a->why, sizeof a->why, "/rules/%zu: %s", i, why);
	}
	if (e == ERR_TOO_LARGE) {
		e = ERR_INVALID_FIELD;
		(void)snprintf(a->why, sizeof a->why, "too many roles, parents or rules");
	}
	return e;
}

/* The tenant's roles together. What has more from before there was a bound may get less. */
static enum err rules_count(struct access_call *a, size_t before)
{
	size_t now = role_book_rules_n(a->book);

	if (now <= ROLE_BOOK_RULES_MAX || now <= before)
		return ERR_OK;
	(void)snprintf(a->why, sizeof a->why, "all roles together would have %zu rules, at most %d",
		now, ROLE_BOOK_RULES_MAX);
	return ERR_INVALID_FIELD;
}

/* Would the caller, by the roles that it holds, lose some of what it may? */
static bool caller_loses(const struct access_call *a)
{
	const struct caller *caller = &a->call.r->caller;
	const struct rights *now = caller->is_operator ? NULL : caller->rights;

	return now && (rights_set(now) &
			      ~access_set(a, (const char *const *)now->roles, now->roles_n)) != 0;
}

static enum err put_judge(struct access_call *a)
{
	const char *name = a->name;
	permission_set before = held_set(a), now;
	size_t rules = role_book_rules_n(a->book);
	enum err e = own_check(a);

	if (!e && role_book_has(a->book, name))
		e = access_may_take(a, name);
	if (!e)
		e = book_change(a);
	if (!e)
		e = rules_count(a, rules);
	if (!e)
		e = access_checked(role_book_check(a->book, name, a->why));
	now = e ? 0 : held_set(a);
	if (now & permission_operators()) {
		(void)snprintf(a->why, sizeof a->why, "a tenant's role builds on no operator's");
		return ERR_INVALID_FIELD;
	}
	if (!e)
		e = access_may_give(a, &name, 1);
	if (e)
		return e;
	a->gained = now & ~before;
	a->lost = before & ~now;
	a->yourself = caller_loses(a);
	a->counted = false;
	return ERR_OK;
}

static void idle_put(struct buf *out, const struct right *rule, const struct right *wider)
{
	(void)buf_text(out, "{\"rule\":");
	(void)buf_json(out, rule->rule.text, strlen(rule->rule.text));
	(void)buf_text(out, ",\"wider\":");
	(void)buf_json(out, wider->rule.text, strlen(wider->rule.text));
	(void)buf_text(out, ",\"path\":");
	(void)buf_json(out, wider->path, strlen(wider->path));
	(void)buf_char(out, '}');
}

/* The role's own rules that an inherited one makes idle: a condition that restricts nothing. */
static void idle_rules_put(struct buf *out, const struct access_call *a)
{
	const char *name = a->name, *comma = "";
	struct rights *rights = NULL;

	(void)buf_text(out, ",\"idle\":[");
	if (rights_flatten(a->book, &name, 1, &rights) != ERR_OK)
		rights = NULL;
	for (size_t i = 0; rights && i < rights->n; i++) {
		const bool own = strcmp(rights->list[i].path, name) == 0;
		const struct right *wider = own ? rights_wider(rights, i) : NULL;

		if (!wider)
			continue;
		(void)buf_text(out, comma);
		idle_put(out, &rights->list[i], wider);
		comma = ",";
	}
	(void)buf_char(out, ']');
	rights_release(rights);
}

static void change_write(struct access_call *a)
{
	struct buf *out = reply_json(&a->call.r->reply, 200);
	struct role_view role;

	(void)buf_printf(out,
		"{\"object\":\"role_change\",\"dry_run\":%s,\"users\":%lld,\"keys\":%lld"
		",\"yourself\":%s",
		a->dry_run ? "true" : "false", (long long)a->users, (long long)a->keys,
		a->yourself ? "true" : "false");
	(void)buf_text(out, ",\"gained\":");
	access_permissions_put(out, a->gained);
	(void)buf_text(out, ",\"lost\":");
	access_permissions_put(out, a->lost);
	idle_rules_put(out, a);
	(void)buf_text(out, ",\"role\":");
	if (role_book_view(a->book, a->name, &role))
		role_write(out, a->book, &role);
	else
		(void)buf_text(out, "null");
	(void)buf_char(out, '}');
}

static void changed(void *ctx, enum err e)
{
	struct record_batch *batch = ctx;

	if (!e)
		change_write(access_call_of(batch));
	record_batch_end(batch, e);
}

static void holders_told(void *ctx, enum err e, int64_t users, int64_t keys)
{
	struct record_batch *batch = ctx;
	struct access_call *a = access_call_of(batch);

	a->users = users;
	a->keys = keys;
	a->counted = true;
	if (!e && a->dry_run)
		change_write(a);
	record_batch_end(batch, e);
}

/* Who holds it was counted first. */
static bool then_change(struct access_call *a)
{
	return a->counted && !a->dry_run && a->call.r->reply.status != 200;
}

static enum err put_run(struct db *db, struct record_batch *batch)
{
	const struct access_call *a = access_call_of(batch);
	const char *parents[ROLE_PARENTS_MAX], *rules[ROLE_RULES_MAX];
	const struct role_change change = {.tenant = a->tenant,
		.version = a->version,
		.name = a->name,
		.parents = parents,
		.parents_n = access_texts(
			json_object_get(a->body, "parents"), parents, ROLE_PARENTS_MAX),
		.rules = rules,
		.rules_n = access_texts(json_object_get(a->body, "rules"), rules, ROLE_RULES_MAX)};

	if (!a->counted)
		return role_holders(db, a->tenant, a->name, holders_told, batch);
	return role_put(db, &change, &a->by, changed, batch);
}

const struct record_op role_put_op = {"role_put", RECORD_SECURITY, 1, put_run, NULL};

void role_put_call(struct request *r)
{
	static const struct json_field fields[] = {
		{"parents", JSON_IS_ARRAY, JSON_OPTIONAL, 0, ROLE_PARENTS_MAX},
		{"rules", JSON_IS_ARRAY, JSON_OPTIONAL, 0, ROLE_RULES_MAX},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	static const struct access_kind kind = {put_judge, true, &role_put_op, then_change};
	json_t *body;

	if (!request_input_dry(r))
		return;
	body = request_input_body(r, fields, false);
	if (body)
		access_call_start(r, &kind, body, true);
}

/* ---- removing ---- */

/* The first role that builds upon it; NULL: none does. */
static const char *built_upon_by(const struct access_call *a)
{
	for (size_t i = 0; i < role_book_n(a->book); i++) {
		struct role_view role = role_book_at(a->book, i);

		for (size_t k = 0; k < role.parents_n; k++)
			if (strcmp(role_book_parent(a->book, role.name, k), a->name) == 0)
				return role.name;
	}
	return NULL;
}

static enum err remove_judge(struct access_call *a)
{
	const char *upon = built_upon_by(a);
	enum err e = own_check(a);

	if (!e && !role_book_has(a->book, a->name))
		e = access_none(a, "role", a->name);
	if (!e)
		e = access_may_take(a, a->name);
	if (!e && upon) {
		e = ERR_CONFLICT;
		(void)snprintf(a->why, sizeof a->why,
			"%s builds upon it: change or remove that one first", upon);
	}
	a->lost = held_set(a);
	a->counted = false;
	return e;
}

static void remove_holders_told(void *ctx, enum err e, int64_t users, int64_t keys)
{
	struct record_batch *batch = ctx;
	struct access_call *a = access_call_of(batch);

	if (!e && !a->dry_run && users + keys > 0) {
		e = ERR_CONFLICT;
		a->tries = ACCESS_TRIES;
		(void)snprintf(a->why, sizeof a->why, "%lld users and %lld keys hold it",
			(long long)users, (long long)keys);
		record_batch_end(batch, e);
		return;
	}
	holders_told(ctx, e, users, keys);
}

static void removed(void *ctx, enum err e)
{
	struct record_batch *batch = ctx;

	if (!e)
		access_call_of(batch)->call.r->reply.status = 204;
	record_batch_end(batch, e);
}

static bool then_remove(struct access_call *a)
{
	return a->counted && !a->dry_run && a->call.r->reply.status != 204;
}

static enum err remove_run(struct db *db, struct record_batch *batch)
{
	const struct access_call *a = access_call_of(batch);
	const struct role_change change = {
		.tenant = a->tenant, .version = a->version, .name = a->name};

	if (!a->counted)
		return role_holders(db, a->tenant, a->name, remove_holders_told, batch);
	return role_remove(db, &change, &a->by, removed, batch);
}

const struct record_op role_remove_op = {"role_remove", RECORD_SECURITY, 1, remove_run, NULL};

void role_delete_call(struct request *r)
{
	static const struct access_kind kind = {remove_judge, false, &role_remove_op, then_remove};

	if (request_input_dry(r))
		access_call_start(r, &kind, NULL, true);
}
