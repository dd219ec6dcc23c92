#include "roles/user_calls.h"

#include "ground/clock.h"
#include "ground/utf8.h"
#include "jobs/job_json.h"
#include "list_reply.h"
#include "request_input.h"
#include "roles/access_call.h"
#include "stores/app_user.h"
#include "stores/role.h"
#include "stores/shut_out.h"

#include <stdio.h>
#include <string.h>

/* ---- seeing ---- */

static void user_write(struct buf *out, const struct app_user *u)
{
	char id[ID_TEXT_MAX];

	id_format("usr", u->id, id);
	(void)buf_printf(out, "{\"id\":\"%s\",\"object\":\"user\"", id);
	job_json_text(out, "name", u->name);
	access_roles_put(out, u->roles);
	(void)buf_char(out, ',');
	job_json_time(out, "created_at", u->created_ms);
	(void)buf_char(out, ',');
	job_json_time(out, "disabled_at", u->disabled_ms);
	(void)buf_char(out, '}');
}

static void listed(void *ctx, enum err e, const struct app_user *users, size_t n)
{
	struct record_batch *batch = ctx;
	struct access_call *a = access_call_of(batch);
	size_t shown = n > a->limit ? a->limit : n;
	struct list_reply list = list_reply_begin(&a->call.r->reply);

	for (size_t i = 0; !e && i < shown; i++)
		user_write(list_reply_element(&list), &users[i]);
	list_reply_end(&list, n > shown, n > shown ? users[shown - 1].name : NULL);
	record_batch_end(batch, e);
}

static enum err list_run(struct db *db, struct record_batch *batch)
{
	const struct access_call *a = access_call_of(batch);

	return app_user_list(
		db, a->tenant, query_text(&a->call.r->query, "after"), a->limit + 1, listed, batch);
}

static void told(void *ctx, enum err e, const struct app_user *users, size_t n)
{
	struct record_batch *batch = ctx;
	struct access_call *a = access_call_of(batch);

	if (!e && n == 0)
		e = access_none(a, "user", a->name);
	if (!e)
		user_write(reply_json(&a->call.r->reply, 200), users);
	record_batch_end(batch, e);
}

static enum err find_run(struct db *db, struct record_batch *batch)
{
	const struct access_call *a = access_call_of(batch);

	return app_user_find(db, a->tenant, a->name, told, batch);
}

const struct record_op user_list_op = {"user_list", RECORD_SLOW, 1, list_run, NULL};
const struct record_op user_find_op = {"user_find", RECORD_SLOW, 1, find_run, NULL};

void users_get(struct request *r)
{
	static const struct query_field fields[] = {{"limit", QUERY_INT, 1, 100},
		{"after", QUERY_TEXT, 1, APP_USER_NAME_MAX}, {NULL, QUERY_TEXT, 0, 0}};
	static const struct access_kind kind = {NULL, false, &user_list_op, NULL};

	if (request_input_query(r, fields))
		access_call_start(r, &kind, NULL, false);
}

static const struct query_field no_fields[] = {{NULL, QUERY_TEXT, 0, 0}};

void user_get(struct request *r)
{
	static const struct access_kind kind = {NULL, false, &user_find_op, NULL};

	if (request_input_query(r, no_fields))
		access_call_start(r, &kind, NULL, true);
}

/* ---- one user ---- */

static bool name_is_right(const char *name)
{
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return false;
	return name[0] && strlen(name) <= APP_USER_NAME_MAX;
}

static enum err put_judge(struct access_call *a)
{
	const char *roles[ROLES_HELD_MAX];
	size_t n = access_texts(json_object_get(a->body, "roles"), roles, ROLES_HELD_MAX);

	if (!name_is_right(a->name)) {
		(void)snprintf(a->why, sizeof a->why, "a user's name must be 1 to %d bytes",
			APP_USER_NAME_MAX);
		return ERR_INVALID_FIELD;
	}
	a->turn = 0;
	a->before = (struct access_user){0};
	return access_may_give(a, roles, n);
}

/* ---- what it would do ---- */

static void state_put(struct buf *out, const char *name, bool disabled, const char *roles)
{
	(void)buf_printf(out, ",\"%s\":{\"disabled\":%s", name, disabled ? "true" : "false");
	access_roles_put(out, roles);
	(void)buf_char(out, '}');
}

/* Those of the body, else those that it has. */
static const char *roles_after(const struct access_call *a, char out[ACCESS_HELD_MAX])
{
	const json_t *list = json_object_get(a->body, "roles");
	size_t at = 0;

	if (!list)
		return a->before.roles;
	out[0] = '\0';
	for (size_t i = 0; i < json_array_size(list) && at < ACCESS_HELD_MAX; i++)
		at += (size_t)snprintf(out + at, ACCESS_HELD_MAX - at, "%s%s", i ? " " : "",
			json_string_value(json_array_get(list, i)));
	return out;
}

/* Who is disabled may do nothing, whatever the roles are. */
static void states_put(struct access_call *a, struct buf *out)
{
	const struct access_user *before = &a->before;
	const json_t *wish = json_object_get(a->body, "disabled");
	const bool disabled = wish ? json_is_true(wish) : before->disabled;
	char copy[ACCESS_HELD_MAX];
	const char *roles = roles_after(a, copy);
	permission_set was = before->disabled ? 0 : access_held_set(a, before->roles);
	permission_set is = disabled ? 0 : access_held_set(a, roles);

	a->gained = is & ~was;
	a->lost = was & ~is;
	if (before->known)
		state_put(out, "before", before->disabled, before->roles);
	else
		(void)buf_text(out, ",\"before\":null");
	state_put(out, "after", disabled, roles);
}

static void change_write(struct access_call *a, const struct shut_out *acting)
{
	struct buf *out = reply_json(&a->call.r->reply, 200);
	const bool yourself =
		a->before.known && id_equal(a->before.id, a->call.r->caller.principal);

	(void)buf_text(out, "{\"object\":\"change\",\"dry_run\":true");
	job_json_text(out, "user", a->name);
	states_put(a, out);
	(void)buf_text(out, ",\"gained\":");
	access_permissions_put(out, a->gained);
	(void)buf_text(out, ",\"lost\":");
	access_permissions_put(out, a->lost);
	(void)buf_printf(out, ",\"keys\":%lld,\"families\":%lld,\"yourself\":%s}",
		(long long)acting->keys, (long long)acting->families, yourself ? "true" : "false");
}

static void acting_told(void *ctx, enum err e, const struct shut_out *acting)
{
	struct record_batch *batch = ctx;

	if (!e)
		change_write(access_call_of(batch), acting);
	record_batch_end(batch, e);
}

/* Of a user that is not there yet nothing acts. */
static enum err acting_run(struct db *db, struct record_batch *batch)
{
	const struct access_call *a = access_call_of(batch);
	const struct revocation all = {
		.kind = REVOCATION_USER, .tenant = a->tenant, .subject = a->before.id};

	return shut_out_count(db, &all, acting_told, batch);
}

/* ---- doing it ---- */

static void before_take(struct access_user *before, const struct app_user *u)
{
	*before = (struct access_user){.known = true, .disabled = u->disabled_ms != 0, .id = u->id};
	(void)snprintf(before->roles, sizeof before->roles, "%s", u->roles);
}

/* What it holds already: that is taken away, or shut out. */
static void held_told(void *ctx, enum err e, const struct app_user *users, size_t n)
{
	struct record_batch *batch = ctx;
	struct access_call *a = access_call_of(batch);

	if (!e && n > 0)
		e = access_may_take(a, users[0].roles);
	if (!e && n > 0)
		before_take(&a->before, users);
	record_batch_end(batch, e);
}

static bool put_more(struct access_call *a)
{
	return a->turn++ == 0;
}

static enum err put_run(struct db *db, struct record_batch *batch)
{
	const struct access_call *a = access_call_of(batch);
	const json_t *list = json_object_get(a->body, "roles");
	const json_t *disabled = json_object_get(a->body, "disabled");
	const char *roles[ROLES_HELD_MAX];
	const struct app_user_change change = {.tenant = a->tenant,
		.version = a->version,
		.name = a->name,
		.has_roles = list != NULL,
		.has_disabled = disabled != NULL,
		.roles = roles,
		.roles_n = access_texts(list, roles, ROLES_HELD_MAX),
		.disabled = json_is_true(disabled)};

	if (a->turn == 0)
		return app_user_find(db, a->tenant, a->name, held_told, batch);
	if (a->dry_run)
		return acting_run(db, batch);
	return app_user_put(db, &change, &a->by, told, batch);
}

const struct record_op user_put_op = {"user_put", RECORD_SECURITY, 1, put_run, NULL};

void user_put_call(struct request *r)
{
	static const struct json_field fields[] = {
		{"roles", JSON_IS_ARRAY, JSON_OPTIONAL, 0, ROLES_HELD_MAX},
		{"disabled", JSON_IS_BOOL, JSON_OPTIONAL, 0, 0}, {NULL, 0, JSON_OPTIONAL, 0, 0}};
	static const struct access_kind kind = {put_judge, false, &user_put_op, put_more};
	json_t *body;

	if (!request_input_dry(r))
		return;
	body = request_input_body(r, fields, true);
	if (body)
		access_call_start(r, &kind, body, true);
}

/* ---- all who hold a role ---- */

static enum err move_judge(struct access_call *a)
{
	const char *from = a->name, *to = json_string_value(json_object_get(a->body, "to"));
	enum err e = access_may_give(a, &to, 1);

	if (!e && !role_book_has(a->book, from)) {
		e = ERR_INVALID_FIELD;
		(void)snprintf(a->why, sizeof a->why, "there is no role %.64s", from);
	}
	if (!e)
		e = access_may_take(a, from);
	a->set_from = from;
	a->set_to = to;
	return e;
}

static void move_write(struct access_call *a, bool more)
{
	struct buf *out = reply_json(&a->call.r->reply, 200);

	buf_reset(out);
	(void)buf_printf(out,
		"{\"object\":\"change\",\"matched\":%lld,\"changed\":%lld,\"dry_run\":%s,"
		"\"has_more\":%s}",
		(long long)(a->dry_run ? a->users : a->moved), (long long)a->moved,
		a->dry_run ? "true" : "false", more ? "true" : "false");
}

static void moved(void *ctx, enum err e, int64_t n, struct id last, int64_t version)
{
	struct record_batch *batch = ctx;
	struct access_call *a = access_call_of(batch);

	if (!e) {
		a->moved += n;
		a->users = n; /* of this page */
		a->after = last;
		a->version = version;
		a->tries = 0;
	}
	record_batch_end(batch, e);
}

static void counted(void *ctx, enum err e, int64_t users, int64_t keys)
{
	struct record_batch *batch = ctx;

	access_call_of(batch)->users = users;
	record_batch_end(batch, e);
}

static enum err move_run(struct db *db, struct record_batch *batch)
{
	const struct access_call *a = access_call_of(batch);
	const struct app_user_move move = {.tenant = a->tenant,
		.after = a->after,
		.version = a->version,
		.from = a->set_from,
		.to = a->set_to,
		.limit = USERS_MOVE_PAGE};

	if (a->dry_run)
		return role_holders(db, a->tenant, a->set_from, counted, batch);
	return app_user_move_page(db, &move, &a->by, moved, batch);
}

static bool move_more(struct access_call *a)
{
	bool full = !a->dry_run && a->users == USERS_MOVE_PAGE;
	bool time_left = clock_us() - a->call.r->began_us < (int64_t)USERS_MOVE_MS * 1000;

	if (full && time_left)
		return true;
	move_write(a, full);
	return false;
}

const struct record_op user_move_op = {"user_move", RECORD_SLOW, 1, move_run, NULL};

void role_move_call(struct request *r)
{
	static const struct json_field fields[] = {
		{"to", JSON_IS_STRING, JSON_REQUIRED, 1, ROLE_NAME_MAX},
		{NULL, 0, JSON_OPTIONAL, 0, 0}};
	static const struct access_kind kind = {move_judge, true, &user_move_op, move_more};
	json_t *body;

	if (!request_input_dry(r))
		return;
	body = request_input_body(r, fields, false);
	if (body)
		access_call_start(r, &kind, body, true);
}
